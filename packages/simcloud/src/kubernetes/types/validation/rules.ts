import type { FieldProblem } from '../../api/status-error.ts';
import { fieldsOf, listOf, type Fields } from '../../objects.ts';

export const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_LABEL_START = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
export const LABEL_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
export const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;
export const ENV_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;
const CRON_FIELD = String.raw`(\*|[0-9A-Za-z?,/*-]+)`;
export const CRON = new RegExp(
  String.raw`^(@(yearly|annually|monthly|weekly|daily|midnight|hourly|every \S+)|${Array(5)
    .fill(CRON_FIELD)
    .join(String.raw`\s+`)})$`,
);

export const LABEL_DETAIL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035_DETAIL =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_DETAIL =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const WILDCARD_DETAIL =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_VALUE_DETAIL =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
export const LABEL_NAME_DETAIL =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
export const IMMUTABLE = 'field is immutable';

export type Problems = FieldProblem[];
type Rule = 'label' | 'label1035' | 'subdomain' | 'path';

export function required(field: string, detail?: string): FieldProblem {
  return { field, type: 'Required', ...(detail === undefined ? {} : { detail }) };
}

export function wrong(field: string, value: unknown, detail: string): FieldProblem {
  return { field, type: 'Invalid', value, detail };
}

export function oneOf(field: string, value: unknown, allowed: readonly string[]): Problems {
  return value === undefined || allowed.includes(value as string)
    ? []
    : [
        {
          field,
          type: 'Unsupported',
          value,
          detail: `supported values: ${allowed.map((one) => JSON.stringify(one)).join(', ')}`,
        },
      ];
}

const RULES: Record<string, Rule> = {
  namespaces: 'label',
  services: 'label1035',
  roles: 'path',
  clusterroles: 'path',
  rolebindings: 'path',
  clusterrolebindings: 'path',
};

export function nameProblems(plural: string, field: string, name: string): Problems {
  const rule = RULES[plural] ?? 'subdomain';
  if (rule === 'path')
    return name === '.' || name === '..' || /[/%]/.test(name)
      ? [wrong(field, name, `may not contain '/'`)]
      : [];
  const longest = rule === 'subdomain' ? 253 : 63;
  if (name.length > longest)
    return [wrong(field, name, `must be no more than ${String(longest)} characters`)];
  if (rule === 'label') return DNS_LABEL.test(name) ? [] : [wrong(field, name, LABEL_DETAIL)];
  if (rule === 'label1035') return DNS_LABEL_START.test(name) ? [] : [wrong(field, name, LABEL_1035_DETAIL)];
  return SUBDOMAIN.test(name) ? [] : [wrong(field, name, SUBDOMAIN_DETAIL)];
}

export function labelProblems(field: string, labels: unknown): Problems {
  return Object.entries(fieldsOf(labels)).flatMap(([key, value]) => {
    const slash = key.indexOf('/');
    const name = key.slice(slash + 1);
    if (!LABEL_NAME.test(name) || name.length > 63) return [wrong(field, key, LABEL_NAME_DETAIL)];
    if (slash >= 0 && !SUBDOMAIN.test(key.slice(0, slash)))
      return [wrong(field, key, `prefix part ${SUBDOMAIN_DETAIL}`)];
    if (typeof value === 'string' && value.length > 63)
      return [wrong(field, value, 'must be no more than 63 characters')];
    return typeof value === 'string' && LABEL_VALUE.test(value)
      ? []
      : [wrong(field, value, LABEL_VALUE_DETAIL)];
  });
}

/** A name of a host, or all below one (`*.example.org`). */
export function subdomainProblems(field: string, name: string): Problems {
  if (!name.startsWith('*')) return SUBDOMAIN.test(name) ? [] : [wrong(field, name, SUBDOMAIN_DETAIL)];
  return name.startsWith('*.') && SUBDOMAIN.test(name.slice(2)) ? [] : [wrong(field, name, WILDCARD_DETAIL)];
}

/** The labels and expressions of a selector. */
export function selectorProblems(field: string, selector: unknown): Problems {
  const { matchLabels, matchExpressions } = fieldsOf(selector);
  const expressions = listOf<Fields>(matchExpressions).flatMap(({ operator, values }, index) => {
    const here = `${field}.matchExpressions[${String(index)}]`;
    const isListed = operator === 'In' || operator === 'NotIn';
    const has = listOf(values).length > 0;
    if (!isListed && operator !== 'Exists' && operator !== 'DoesNotExist')
      return [wrong(`${here}.operator`, operator ?? '', 'not a valid selector operator')];
    if (isListed && !has)
      return [required(`${here}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
    return isListed || !has
      ? []
      : [
          {
            field: `${here}.values`,
            type: 'Forbidden' as const,
            detail: "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
          },
        ];
  });
  return [...labelProblems(`${field}.matchLabels`, matchLabels), ...expressions];
}
