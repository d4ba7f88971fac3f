// The last two samples of every container and node, and what they say of its use: pure, without a clock of its own.

/** What a figure of the kubelet is of: the time that its processor has worked so far, and the memory that it holds. */
function sampleOf({ cpu, memory, startTime }) {
  if (cpu?.usageCoreNanoSeconds === undefined || memory?.workingSetBytes === undefined) return undefined;
  return {
    at: Date.parse(cpu.time),
    started: startTime,
    cpuNanoSeconds: cpu.usageCoreNanoSeconds,
    memoryBytes: memory.workingSetBytes,
  };
}

export class Samples {
  #pairs = new Map();

  /** @param summary what the kubelet answers at /stats/summary */
  add({ node, pods = [] }) {
    const seen = new Map([[nodeKey(node.nodeName), sampleOf(node)]]);
    for (const { podRef, containers = [] } of pods)
      for (const container of containers)
        seen.set(containerKey(podRef.uid, container.name), sampleOf(container));
    // What the kubelet does not tell of any more is gone.
    for (const key of this.#pairs.keys()) if (seen.get(key) === undefined) this.#pairs.delete(key);
    for (const [key, sample] of seen) if (sample !== undefined) this.#note(key, sample);
  }

  #note(key, sample) {
    const last = this.#pairs.get(key)?.last;
    // The kubelet measures some things more seldom than it is asked for them.
    if (last !== undefined && sample.at <= last.at) return;
    // What has been started again counts from nothing.
    const isSame =
      last !== undefined && last.started === sample.started && last.cpuNanoSeconds <= sample.cpuNanoSeconds;
    this.#pairs.set(key, { before: isSame ? last : undefined, last: sample });
  }

  /** What it uses; undefined while there is only one sample. */
  usageOf(key) {
    const { before, last } = this.#pairs.get(key) ?? {};
    if (before === undefined) return undefined;
    const ms = last.at - before.at;
    // Nanoseconds of work in a second are billionths of a processor.
    const nanoCores = Math.round(((last.cpuNanoSeconds - before.cpuNanoSeconds) / ms) * 1_000);
    return {
      at: last.at,
      ms,
      usage: { cpu: `${nanoCores}n`, memory: `${Math.round(last.memoryBytes / 1024)}Ki` },
    };
  }
}

const nodeKey = (name) => `node/${name}`;
const containerKey = (uid, name) => `${uid}/${name}`;

/** The metrics of a Node; undefined while they are not known. */
export function nodeMetrics(samples, { metadata }) {
  const used = samples.usageOf(nodeKey(metadata.name));
  return used && { ...headOf('NodeMetrics', metadata, used), usage: used.usage };
}

/** The metrics of a Pod; undefined while those of any of its containers are not known, as half of them would be a wrong figure. */
export function podMetrics(samples, { metadata, spec, status }) {
  if (status.phase !== 'Running') return undefined;
  const used = spec.containers.map(({ name }) => ({
    name,
    used: samples.usageOf(containerKey(metadata.uid, name)),
  }));
  if (used.some((one) => one.used === undefined)) return undefined;
  const oldest = used.map((one) => one.used).sort((a, b) => a.at - b.at)[0];
  return {
    ...headOf('PodMetrics', metadata, oldest),
    containers: used.map((one) => ({ name: one.name, usage: one.used.usage })),
  };
}

function headOf(kind, { name, namespace, labels }, { at, ms }) {
  return {
    kind,
    apiVersion: 'metrics.k8s.io/v1beta1',
    metadata: { name, namespace, labels, creationTimestamp: secondsOf(Date.now()) },
    timestamp: secondsOf(at),
    window: `${(ms / 1_000).toFixed(3)}s`,
  };
}

const secondsOf = (ms) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
