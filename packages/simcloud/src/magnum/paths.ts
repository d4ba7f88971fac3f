/** Where the service is found below the address of the cloud. */
export const ROOT = '/container-infra';
/** Path of the API. */
export const V1 = `${ROOT}/v1`;
