import type { ContainerSecurity } from '@cetus/shared/schemas';
import type { Mapping } from '../mapping.ts';
import { given, nonEmpty } from '../values.ts';

const MAX_ID = 2_147_483_647;
const CAPABILITY = /^[A-Z_]{2,32}$/;

/** As whom a service runs, and what it may do. */
export function securityOf(service: Mapping): ContainerSecurity | undefined {
  const [user, group] = idsOf(service);
  const drop = service.list('cap_drop').flatMap(({ value, at }) => {
    const name = typeof value === 'string' ? value.toUpperCase().replace(/^CAP_/, '') : '';
    if (CAPABILITY.test(name)) return [name];
    at.lost('It is not the name of a capability.');
    return [];
  });
  for (const { value, at } of service.list('security_opt')) {
    if (typeof value === 'string' && /^no-new-privileges([:=]true)?$/.test(value)) continue;
    at.lost('It is not carried over.');
  }
  return nonEmpty(
    given<ContainerSecurity>({
      privileged: service.flag('privileged') === true ? true : undefined,
      run_as_user: user,
      run_as_group: group,
      read_only_root_filesystem: service.flag('read_only') === true ? true : undefined,
      drop_capabilities: drop.length === 0 ? undefined : [...new Set(drop)],
    }),
  );
}

function idsOf(service: Mapping): (number | undefined)[] {
  const text = service.text('user');
  if (text === undefined || text === '') return [];
  const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text);
  const ids = [match?.[1], match?.[2]].map((id) => (id === undefined ? undefined : Number(id)));
  if (match !== null && ids.every((id) => id === undefined || id <= MAX_ID)) return ids;
  service.at.in('user').lost('Users and groups are by number; the one of the image is kept.');
  return [];
}
