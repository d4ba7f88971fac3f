import type {
  ApplicationCreate,
  ApplicationImport,
  ImportReportItem,
  Placement,
} from '@cetus/shared/schemas';

/** An application that something is to become. It may still break rules: whoever accepts it says. */
export interface Converted {
  /** What it was made of, such as `services/web`. */
  source: string;
  form: ApplicationCreate;
}

/** What became of something. */
export interface Conversion {
  applications: Converted[];
  report: ImportReportItem[];
}

/** How something is converted. */
export interface ConvertOptions extends Partial<
  Pick<ApplicationImport, 'variables' | 'secrets' | 'profiles' | 'default_volume_size' | 'exposure'>
> {
  placements: Placement[];
}

/** Bytes of a volume when nothing says how large it is. */
export const DEFAULT_VOLUME_SIZE = '10Gi';
