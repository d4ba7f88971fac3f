import type { HeatSite } from './cluster/drivers/heat/stack-input-from-spec.ts';
import type { ConductorConfig } from './config.ts';

/** The part of the configuration that shapes stacks. */
export function heatSite(config: Pick<ConductorConfig, HeatSiteVariable>): HeatSite {
  return {
    kubeTag: config.CETUS_KUBE_TAG,
    waitForBootstrap: config.CETUS_WAIT_FOR_BOOTSTRAP,
    bootstrapTimeoutSeconds: config.CETUS_BOOTSTRAP_TIMEOUT_SECONDS,
    ...(config.CETUS_IMAGE_REPOSITORY === undefined
      ? {}
      : { imageRepository: config.CETUS_IMAGE_REPOSITORY }),
    ...(config.CETUS_PACKAGE_REPOSITORY === undefined
      ? {}
      : { packageRepository: config.CETUS_PACKAGE_REPOSITORY }),
  };
}

type HeatSiteVariable =
  | 'CETUS_KUBE_TAG'
  | 'CETUS_WAIT_FOR_BOOTSTRAP'
  | 'CETUS_BOOTSTRAP_TIMEOUT_SECONDS'
  | 'CETUS_IMAGE_REPOSITORY'
  | 'CETUS_PACKAGE_REPOSITORY';
