import type { ApplicationForm } from '../../schemas/index.ts';
import { wholeValue } from '../quantity.ts';
import { amountProblems } from './container-problems.ts';
import { denied, exactlyOne, invalid, missing, repeated, type Path, type Problem } from './problem.ts';

/** Bytes that a ConfigMap or a Secret holds at most: its values, not their names. Source: MaxSecretSize of Kubernetes' core/v1 */
const MAX_FILES_BYTES = 1_048_576;

/** What the Secret with the account for images is called, behind the application's name: not for others. */
export const PULL_SECRET = 'pull';

export function storageProblems(form: ApplicationForm, allowed: ReadonlySet<string>): Problem[] {
  return [
    ...volumeProblems(form, allowed),
    ...fileProblems(form),
    ...secretProblems(form),
    ...pullSecretProblems(form),
  ];
}

function volumeProblems({ volumes = [] }: ApplicationForm, allowed: ReadonlySet<string>): Problem[] {
  return [
    ...uniqueNames('volumes', volumes),
    ...volumes.flatMap((volume, index) => {
      const path = ['volumes', index];
      const { empty_dir, claim_template, host_path } = volume;
      const size = [...path, 'claim_template', 'size'];
      return [
        ...exactlyOne(path, volume, ['empty_dir', 'claim', 'claim_template', 'host_path']),
        ...(empty_dir?.size_limit === undefined
          ? []
          : amountProblems(empty_dir.size_limit, [...path, 'empty_dir', 'size_limit'])),
        ...(claim_template === undefined ? [] : amountProblems(claim_template.size, size)),
        ...(claim_template !== undefined && wholeValue(claim_template.size) === 0n
          ? [invalid(size, 'must be more than 0')]
          : []),
        ...(host_path === undefined ? [] : hostPathProblems(host_path.path, [...path, 'host_path'], allowed)),
      ];
    }),
  ];
}

function hostPathProblems(folder: string, path: Path, allowed: ReadonlySet<string>): Problem[] {
  if (!allowed.has('host-path')) return [denied(path, 'host-path')];
  return folder.split('/').includes('..') ? [invalid([...path, 'path'], 'must have no `..`')] : [];
}

function fileProblems({ config_files = [] }: ApplicationForm): Problem[] {
  return [
    ...uniqueNames('config_files', config_files),
    ...config_files.flatMap(({ files }, index) => sizeProblems(files, ['config_files', index, 'files'])),
  ];
}

function secretProblems({ secrets = [], image_pull_secret }: ApplicationForm): Problem[] {
  return [
    ...uniqueNames('secrets', secrets),
    ...secrets.flatMap(({ values = {} }, index) => sizeProblems(values, ['secrets', index, 'values'])),
    ...(image_pull_secret?.registry === undefined
      ? []
      : secrets.flatMap(({ name }, index) =>
          name === PULL_SECRET
            ? [
                invalid(
                  ['secrets', index, 'name'],
                  `must not be ${name}: so is the one of image_pull_secret called`,
                ),
              ]
            : [],
        )),
  ];
}

function pullSecretProblems({ image_pull_secret: secret }: ApplicationForm): Problem[] {
  if (secret === undefined) return [];
  const path = ['image_pull_secret'];
  const account = (['registry', 'username', 'password'] as const).filter(
    (field) => secret[field] !== undefined,
  );
  if (secret.name !== undefined)
    return account.map((field) =>
      invalid([...path, field], 'does not go with name: an account or a Secret is named'),
    );
  if (account.length === 0)
    return [invalid(path, 'must have either name, or registry, username and password')];
  return (['registry', 'username'] as const).flatMap((field) =>
    secret[field] === undefined ? [missing([...path, field])] : [],
  );
}

function uniqueNames(list: string, parts: readonly { name: string }[]): Problem[] {
  return repeated(parts.map(({ name }) => name)).map(({ index, name }) =>
    invalid([list, index, 'name'], `must be unique: ${name} is there twice`),
  );
}

function sizeProblems(texts: Record<string, string>, path: Path): Problem[] {
  const bytes = Object.values(texts).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes <= MAX_FILES_BYTES) return [];
  return [
    invalid(path, `must be at most ${String(MAX_FILES_BYTES)} bytes together; they are ${String(bytes)}`),
  ];
}
