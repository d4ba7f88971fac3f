import type { Fields, KubeObject } from '../objects.ts';
import { at, listOf } from '../objects.ts';
import { badRequest } from './status-error.ts';

type Labels = Readonly<Record<string, string>>;

/** A test of labels. */
export type LabelTest = (labels: Labels) => boolean;

const ANY: LabelTest = () => true;
const REQUIREMENT =
  /^\s*(?:(!)\s*([^\s!=(),]+)|([^\s!=(),]+)(?:\s*(==|=|!=|>|<)\s*([^\s!=(),]*)|\s+(in|notin)\s*\(([^)]*)\))?)\s*$/;

/** Splits at commas outside of brackets. */
function partsOf(text: string): string[] {
  return text.split(/,(?![^(]*\))/);
}

/** Reads a `labelSelector`. @throws ApiError 400 */
export function parseLabelSelector(text: string | null): LabelTest {
  if (text === null || text.trim() === '') return ANY;
  const tests = partsOf(text).map((part): LabelTest => {
    const match = REQUIREMENT.exec(part);
    if (match === null)
      throw badRequest(`unable to parse requirement: found '${part.trim()}', expected: identifier`);
    const [, not, absent, key = '', operator, value = '', setOperator, values = ''] = match;
    if (not !== undefined) return (labels) => !((absent ?? '') in labels);
    if (setOperator !== undefined) {
      const set = new Set(values.split(',').map((one) => one.trim()));
      return setOperator === 'in'
        ? (labels) => key in labels && set.has(labels[key] ?? '')
        : (labels) => !(key in labels) || !set.has(labels[key] ?? '');
    }
    switch (operator) {
      case undefined:
        return (labels) => key in labels;
      case '!=':
        return (labels) => labels[key] !== value;
      case '>':
        return (labels) => key in labels && Number(labels[key]) > Number(value);
      case '<':
        return (labels) => key in labels && Number(labels[key]) < Number(value);
      default:
        return (labels) => labels[key] === value;
    }
  });
  return (labels) => tests.every((test) => test(labels));
}

/** The test that a LabelSelector object makes; null selects nothing, an empty one everything. */
export function labelSelectorTest(selector: unknown): LabelTest {
  if (selector === undefined || selector === null) return () => false;
  const matchLabels = Object.entries((at(selector, 'matchLabels') ?? {}) as Record<string, string>);
  const expressions = listOf<{ key: string; operator: string; values?: string[] }>(
    at(selector, 'matchExpressions'),
  );
  return (labels) =>
    matchLabels.every(([key, value]) => labels[key] === value) &&
    expressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      if (operator === 'In') return value !== undefined && values.includes(value);
      return value === undefined || !values.includes(value);
    });
}

/** The test that a plain map of labels makes; an empty map selects nothing, as in a Service. */
export function mapSelectorTest(selector: unknown): LabelTest {
  const entries = Object.entries((selector ?? {}) as Record<string, string>);
  return (labels) => entries.length > 0 && entries.every(([key, value]) => labels[key] === value);
}

/** Reads the value a field selector compares; undefined fields are empty. */
export type FieldReader = (object: KubeObject) => string;

const METADATA_FIELDS: Record<string, FieldReader> = {
  'metadata.name': (object) => object.metadata.name,
  'metadata.namespace': (object) => object.metadata.namespace ?? '',
};

/** A reader of a field by its path. */
export function pathReader(path: string): FieldReader {
  const names = path.split('.');
  return (object) => {
    const value = at(object, ...names);
    return typeof value === 'string'
      ? value
      : value === undefined || value === null
        ? ''
        : JSON.stringify(value);
  };
}

/**
 * Reads a `fieldSelector`.
 * @param known further fields beside name and namespace
 * @throws ApiError 400 for a field that the resource cannot be selected by
 */
export function parseFieldSelector(
  text: string | null,
  resource: {
    groupVersion: string;
    plural: string;
    namespaced: boolean;
    selectable: Readonly<Record<string, FieldReader>>;
  },
  labelSelector: string | null,
): (object: KubeObject) => boolean {
  if (text === null || text.trim() === '') return () => true;
  const tests = text.split(',').map((part) => {
    const match = /^\s*([^=!\s]+)\s*(==|=|!=)\s*(.*?)\s*$/.exec(part);
    if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    const [, field = '', operator, value = ''] = match;
    const read = METADATA_FIELDS[field] ?? resource.selectable[field];
    if (read === undefined || (field === 'metadata.namespace' && !resource.namespaced)) {
      throw badRequest(
        `Unable to find "${resource.groupVersion.includes('/') ? '' : '/'}${resource.groupVersion}, Resource=${resource.plural}" that match label selector ` +
          `"${labelSelector ?? ''}", field selector "${text}": field label not supported: ${field}`,
      );
    }
    return (object: KubeObject) => (read(object) === value) === (operator !== '!=');
  });
  return (object) => tests.every((test) => test(object));
}

/** The labels of an object. */
export function labelsOf(object: KubeObject | { metadata?: Fields }): Labels {
  return (object.metadata?.labels ?? {}) as Labels;
}
