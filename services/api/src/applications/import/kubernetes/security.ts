import type { ContainerSecurity } from '@cetus/shared/schemas';
import type { Mapping, Told } from '../mapping.ts';
import { given } from '../values.ts';

const MAX_ID = 2_147_483_647;

const CONTAINER: Told = {
  allowPrivilegeEscalation: ['lost', 'Nobody gets more rights than the process had that began.'],
  procMount: ['lost', 'It is not carried over.'],
  seccompProfile: ['lost', 'It is as the cluster has it.'],
  seLinuxOptions: ['lost', 'It is as the cluster has it.'],
  appArmorProfile: ['lost', 'It is as the cluster has it.'],
  windowsOptions: ['lost', 'It is not carried over.'],
};

const POD: Told = {
  fsGroup: [
    'lost',
    'Volumes belong to whom they belong: an image that is not root may not write to a new one.',
  ],
  fsGroupChangePolicy: ['lost', 'It is not carried over.'],
  supplementalGroups: ['lost', 'It is not carried over.'],
  supplementalGroupsPolicy: ['lost', 'It is not carried over.'],
  sysctls: ['lost', 'It is not carried over.'],
  ...CONTAINER,
};

/** As whom a container runs, and what it may do. */
export function securityOf(container: Mapping): ContainerSecurity {
  const security = container.mapping('securityContext');
  if (security === undefined) return {};
  const capabilities = security.mapping('capabilities');
  const drop = (capabilities?.list('drop') ?? []).flatMap(({ value, at }) => {
    if (typeof value === 'string' && /^[A-Z_]{2,32}$/.test(value)) return [value];
    at.lost('It is not the name of a capability.');
    return [];
  });
  capabilities?.tell({ add: ['lost', 'Applications get no more rights than containers have anyway.'] });
  capabilities?.rest();
  const made = given<ContainerSecurity>({
    privileged: security.flag('privileged') === true ? true : undefined,
    ...idsOf(security),
    read_only_root_filesystem: security.flag('readOnlyRootFilesystem') === true ? true : undefined,
    drop_capabilities: drop.length === 0 ? undefined : [...new Set(drop)],
  });
  security.usual({ allowPrivilegeEscalation: false });
  security.tell(CONTAINER);
  security.rest();
  return made;
}

/** What a pod says of all its containers. */
export function podSecurityOf(pod: Mapping): ContainerSecurity {
  const security = pod.mapping('securityContext');
  if (security === undefined) return {};
  const made = idsOf(security);
  security.tell(POD);
  security.rest();
  return made;
}

function idsOf(security: Mapping): ContainerSecurity {
  return given<ContainerSecurity>({
    run_as_user: security.integer('runAsUser', 0, MAX_ID),
    run_as_group: security.integer('runAsGroup', 0, MAX_ID),
    run_as_non_root: security.flag('runAsNonRoot'),
  });
}
