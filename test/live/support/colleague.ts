import { randomBytes } from 'node:crypto';
import type { Lab } from './lab.ts';

/** Another member of a project. */
export interface Colleague {
  username: string;
  remove: () => Promise<void>;
}

interface Named {
  id: string;
  name: string;
}

/** Gives a project another member, as the cloud's administrator does. */
export async function colleagueIn(lab: Lab, projectName: string): Promise<Colleague> {
  const admin = lab.session('admin');
  const username = `cetus-live-${randomBytes(4).toString('hex')}`;
  const named = async (what: string, name: string): Promise<string> => {
    const { body } = await admin.request('identity', 'GET', `/${what}?name=${name}`);
    const [found] = (body as Record<string, Named[]>)[what] ?? [];
    if (found === undefined) throw new Error(`the cloud has no ${name} among its ${what}`);
    return found.id;
  };
  const [project, role] = [await named('projects', projectName), await named('roles', 'member')];
  const { body } = await admin.request('identity', 'POST', '/users', {
    json: { user: { name: username, password: lab.password, domain_id: 'default', enabled: true } },
  });
  const { id } = (body as { user: Named }).user;
  const remove = async (): Promise<void> => void (await admin.request('identity', 'DELETE', `/users/${id}`));
  try {
    await admin.request('identity', 'PUT', `/projects/${project}/users/${id}/roles/${role}`);
  } catch (error) {
    await remove();
    throw error;
  }
  return { username, remove };
}
