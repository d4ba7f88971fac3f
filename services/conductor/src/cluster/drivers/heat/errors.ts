/** A value of a cluster's spec that no stack can be made from. `field` is the property's name in {@link ClusterStackInput}. */
export class InvalidStackInputError extends Error {
  readonly code = 'stack_input_invalid';
  readonly field: string;
  /** What the value must be, without the field's name. */
  readonly rule: string;

  constructor(field: string, rule: string) {
    super(`${field} ${rule}`);
    this.name = 'InvalidStackInputError';
    this.field = field;
    this.rule = rule;
  }
}

export type UnsupportedImageCode = 'image_os_distro_missing' | 'image_os_distro_unsupported';

/** The image does not say, or says something else than, one of the distributions a node can be bootstrapped on. */
export class UnsupportedImageError extends Error {
  readonly code: UnsupportedImageCode;
  readonly imageId: string;

  constructor(code: UnsupportedImageCode, imageId: string, message: string) {
    super(message);
    this.name = 'UnsupportedImageError';
    this.code = code;
    this.imageId = imageId;
  }
}
