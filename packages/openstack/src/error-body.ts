/** What the services put into the body of a refusal. */
interface ErrorText {
  code: string | undefined;
  message: string | undefined;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/**
 * Finds the machine-readable type and the message in an error body. Shapes (seen in the services' answers):
 * Heat `{code,title,explanation,error:{type,message}}`, Keystone `{error:{code,title,message}}`,
 * Neutron `{NeutronError:{type,message,detail}}`, Nova and Cinder `{itemNotFound:{code,message}}`,
 * Magnum `{errors:[{code,title,detail}]}`, WebOb `{message,code,title}`.
 */
export function readErrorBody(body: unknown): ErrorText {
  if (!isRecord(body)) return { code: undefined, message: undefined };
  const { error, NeutronError: neutron, errors } = body;
  if (isRecord(error)) {
    return {
      code: text(error['type']) ?? text(error['title']),
      message: text(error['message']) ?? text(body['explanation']) ?? text(body['title']),
    };
  }
  if (isRecord(neutron)) return { code: text(neutron['type']), message: text(neutron['message']) };
  if (Array.isArray(errors) && isRecord(errors[0])) {
    return { code: text(errors[0]['code']), message: text(errors[0]['detail']) ?? text(errors[0]['title']) };
  }
  const wrappers = Object.entries(body);
  const [wrapper] = wrappers;
  if (wrappers.length === 1 && wrapper !== undefined && isRecord(wrapper[1])) {
    return { code: wrapper[0], message: text(wrapper[1]['message']) };
  }
  return { code: text(body['title']), message: text(body['message']) };
}
