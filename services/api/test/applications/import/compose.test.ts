import { strict as assert } from 'node:assert';
import { CetusError } from '@cetus/shared/errors';
import type { ApplicationCreate, ApplicationImport } from '@cetus/shared/schemas';
import { converted, goodForms, lines } from './support.ts';

const WORDPRESS = `
version: "3.8"
x-common: &common
  restart: always
services:
  db:
    <<: *common
    image: mysql:8.0
    volumes:
      - db_data:/var/lib/mysql
      - ./initdb:/docker-entrypoint-initdb.d:ro
    environment:
      MYSQL_ROOT_PASSWORD: \${ROOT_PASSWORD:?must be set}
      MYSQL_DATABASE: wordpress
      MYSQL_PASSWORD: wp-password
    healthcheck:
      test: ["CMD-SHELL", "mysqladmin ping -p$$MYSQL_PASSWORD"]
      interval: 10s
      timeout: 1500ms
      retries: 5
      start_period: 1m
    deploy:
      resources:
        limits: { cpus: '0.50', memory: 512M }
        reservations: { memory: 256M }
  wordpress_web:
    <<: *common
    image: wordpress:\${TAG:-6.5}
    depends_on: [db]
    ports: ["8000:80"]
    environment:
      - WORDPRESS_DB_HOST=db:3306
      - WORDPRESS_DB_PASSWORD=wp-password
    volumes: [wp:/var/www/html]
volumes:
  db_data: {}
  wp:
`;

/** What becomes of a service `web` of one image, with what a test is about. */
function web(fields: object, file: object = {}, options: Partial<ApplicationImport> = {}) {
  const conversion = converted(
    JSON.stringify({ services: { web: { image: 'nginx:1.27', ...fields } }, ...file }),
    options,
  );
  const form = conversion.applications.find(({ source }) => source === 'services/web')?.form;
  return { form: form as ApplicationCreate, report: conversion.report, told: lines(conversion.report) };
}

describe('import: Compose', () => {
  it('makes WordPress with its database work', () => {
    const conversion = converted(WORDPRESS, { variables: { ROOT_PASSWORD: 'root-password' } });
    const { db, 'wordpress-web': site } = goodForms(conversion);
    assert.deepEqual(
      [db?.kind, db?.exposure, site?.exposure],
      [
        'stateful',
        { type: 'cluster_ip', ports: [{ port: 3306 }] },
        { type: 'node_port', ports: [{ port: 80 }] },
      ],
    );
    assert.deepEqual(db?.secrets, [
      { name: 'env', values: { MYSQL_ROOT_PASSWORD: 'root-password', MYSQL_PASSWORD: 'wp-password' } },
    ]);
    assert.deepEqual(db?.containers[0]?.liveness_probe, {
      exec: { command: ['/bin/sh', '-c', 'mysqladmin ping -p$MYSQL_PASSWORD'] },
      initial_delay_seconds: 60,
      period_seconds: 10,
      timeout_seconds: 2,
      failure_threshold: 5,
    });
    assert.deepEqual(db?.containers[0]?.readiness_probe, db?.containers[0]?.liveness_probe);
    assert.deepEqual(db?.containers[0]?.resources, {
      limits: { cpu: '500m', memory: '512Mi' },
      requests: { memory: '256Mi' },
    });
    assert.deepEqual(db?.volumes, [{ name: 'db-data', claim_template: { size: '10Gi' } }]);
    assert.equal(site?.containers[0]?.image, 'wordpress:6.5');
    assert.deepEqual(site?.containers[0]?.env, [
      { name: 'WORDPRESS_DB_HOST', value: 'db:3306' },
      { name: 'WORDPRESS_DB_PASSWORD', secret: { name: 'env', key: 'WORDPRESS_DB_PASSWORD' } },
    ]);
    assert.deepEqual(lines(conversion.report), [
      'note services/db volumes/0',
      'lost services/db volumes/1',
      'changed services/db',
      'changed services/db environment/MYSQL_ROOT_PASSWORD',
      'changed services/db environment/MYSQL_PASSWORD',
      'changed services/db healthcheck/timeout',
      'changed services/db healthcheck',
      'note services/wordpress_web volumes/0',
      'changed services/wordpress_web ports/0',
      'changed services/wordpress_web ports',
      'changed services/wordpress_web environment/WORDPRESS_DB_PASSWORD',
      'note services/wordpress_web depends_on',
      'changed services/wordpress_web',
    ]);
    assert.ok(!/root-password|wp-password/.test(JSON.stringify(conversion.report)));
  });

  it('carries over what containers are', () => {
    const { form, told } = web({
      entrypoint: 'sh -c "exec \'$$0\' a\\ b"',
      command: ['--price=$$(A)', 5, true],
      working_dir: '/srv',
      user: '1000:50',
      read_only: true,
      cap_drop: ['ALL', 'CAP_NET_ADMIN'],
      security_opt: ['no-new-privileges:true'],
      privileged: true,
      tty: true,
      stdin_open: 'true',
      stop_grace_period: '1m30s',
      pull_policy: 'missing',
      network_mode: 'host',
      shm_size: '64m',
      tmpfs: '/tmp:size=1g',
      expose: [8080, '53/udp'],
      labels: { tier: 'front', 'traefik.http.rule': 'Host(`a`)', 'app.kubernetes.io/name': 'x' },
    });
    const [container] = form.containers;
    assert.deepEqual(container?.command, ['sh', '-c', "exec '$0' a\\ b"]);
    assert.deepEqual(container?.args, ['--price=$$(A)', '5', 'true']);
    assert.deepEqual(container?.security, {
      privileged: true,
      run_as_user: 1000,
      run_as_group: 50,
      read_only_root_filesystem: true,
      drop_capabilities: ['ALL', 'NET_ADMIN'],
    });
    assert.deepEqual(
      [container?.working_dir, container?.tty, container?.stdin, container?.image_pull_policy],
      ['/srv', true, true, 'IfNotPresent'],
    );
    assert.deepEqual([form.termination_grace_seconds, form.host_network, form.kind], [90, true, 'stateless']);
    assert.deepEqual(form.volumes, [
      { name: 'tmp', empty_dir: { memory: true, size_limit: '1Gi' } },
      { name: 'shm', empty_dir: { memory: true, size_limit: '64Mi' } },
    ]);
    assert.deepEqual(form.exposure, {
      type: 'cluster_ip',
      ports: [
        { name: 'tcp-8080', port: 8080 },
        { name: 'udp-53', port: 53, protocol: 'UDP' },
      ],
    });
    assert.deepEqual(form.labels, { tier: 'front' });
    assert.ok(told.includes('lost services/web labels/traefik.http.rule'));
    assert.ok(told.includes('note services/web labels/app.kubernetes.io~1name'));
  });

  it('reads all forms of ports', () => {
    const cases: [unknown, [string | undefined, number[]], string[]][] = [
      ['80', ['node_port', [80]], []],
      [80, ['node_port', [80]], []],
      ['8080:80', ['node_port', [80]], ['changed services/web ports/0']],
      ['8000-8002:9000-9002', ['node_port', [9000, 9001, 9002]], ['changed services/web ports/0']],
      ['127.0.0.1:80:80', ['cluster_ip', [80]], ['changed services/web ports/0']],
      ['[::1]:80:80', ['cluster_ip', [80]], ['changed services/web ports/0']],
      ['10.0.0.1::80/tcp', ['node_port', [80]], ['changed services/web ports/0']],
      [{ target: 80, published: '80', mode: 'host' }, ['node_port', [80]], []],
      [{ target: 80, host_ip: '127.0.0.1' }, ['cluster_ip', [80]], ['changed services/web ports/0']],
      [{ target: 80, x: 1 }, ['node_port', [80]], ['lost services/web ports/0/x']],
      ['1-100:1-100', [undefined, []], ['lost services/web ports/0']],
      ['80/quic', [undefined, []], ['lost services/web ports/0']],
      ['0', [undefined, []], ['lost services/web ports/0']],
      ['http', [undefined, []], ['lost services/web ports/0']],
      [null, [undefined, []], ['lost services/web ports/0']],
    ];
    for (const [port, [type, ports], expected] of cases) {
      const { form, told } = web({ ports: [port] });
      assert.deepEqual(
        [form.exposure?.type, (form.exposure?.ports ?? []).map((one) => one.port)],
        [type, ports],
        JSON.stringify(port),
      );
      assert.deepEqual(
        told.filter((line) => line.includes('ports/')),
        expected,
        JSON.stringify(port),
      );
    }
  });

  it('does not open what was for other services alone', () => {
    const { form, told } = web({ ports: ['80:80', '81:81'], expose: ['9000'] });
    assert.deepEqual(
      form.exposure?.ports?.map(({ name, port }) => [name, port]),
      [
        ['tcp-80', 80],
        ['tcp-81', 81],
      ],
    );
    assert.ok(told.includes('lost services/web expose'));
    const inside = web({ ports: ['80:80'], expose: ['9000'] }, {}, { exposure: 'cluster_ip' });
    assert.equal(inside.form.exposure?.ports?.length, 2);
    assert.equal(
      web({ ports: ['80'] }, {}, { exposure: 'load_balancer' }).form.exposure?.type,
      'load_balancer',
    );
  });

  it('says how a service is deployed', () => {
    const daemon = web({ deploy: { mode: 'global' } }).form;
    assert.equal(daemon.kind, 'daemon');
    const job = web({ restart: 'no', command: 'migrate' }).form;
    assert.deepEqual([job.kind, job.job], ['job', { restart: 'never', backoff_limit: 0 }]);
    const counted = web({
      deploy: { mode: 'replicated-job', replicas: 3, restart_policy: { max_attempts: 2 } },
    });
    assert.deepEqual(counted.form.job, {
      restart: 'on_failure',
      backoff_limit: 2,
      completions: 3,
      parallelism: 3,
    });
    assert.equal(web({ restart: 'no', ports: ['80'] }).form.kind, 'stateless');
    const rolled = web({
      scale: 2,
      platform: 'linux/x86_64',
      deploy: {
        replicas: '4',
        update_config: { parallelism: 2, order: 'start-first', failure_action: 'rollback', delay: '5s' },
        placement: {
          constraints: ['node.labels.disk == ssd', 'node.role==manager'],
          preferences: [{ spread: 'node.labels.zone' }],
        },
        restart_policy: { condition: 'any', delay: '3s' },
      },
    });
    assert.deepEqual(
      [rolled.form.replicas, rolled.form.update_strategy, rolled.form.rollback_on_failure],
      [4, { type: 'rolling', max_surge: 2, max_unavailable: 0 }, true],
    );
    assert.deepEqual(rolled.form.scheduling, {
      node_selector: { disk: 'ssd', 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
      spread: 'zones',
    });
    for (const line of [
      'lost services/web deploy/update_config/delay',
      'lost services/web deploy/placement/constraints/1',
      'lost services/web deploy/restart_policy/delay',
    ])
      assert.ok(rolled.told.includes(line), line);
    assert.deepEqual(web({ deploy: { update_config: { parallelism: 0 } } }).form.update_strategy, {
      type: 'rolling',
      max_surge: 0,
      max_unavailable: '100%',
    });
  });

  it('carries over volumes, and says what becomes of each', () => {
    const cases: [unknown, object | undefined, string][] = [
      ['data:/data', { claim_template: { size: '5Gi' } }, 'note services/web volumes/0'],
      [
        { type: 'volume', source: 'data', target: '/data' },
        { claim_template: { size: '5Gi' } },
        'note services/web volumes/0',
      ],
      ['/data', { empty_dir: {} }, 'changed services/web volumes/0'],
      [
        { type: 'tmpfs', target: '/t', tmpfs: { size: 1024 } },
        { empty_dir: { memory: true, size_limit: '1Ki' } },
        'note services/web volumes/0',
      ],
      ['./conf:/etc/app', undefined, 'lost services/web volumes/0'],
      ['/var/run/docker.sock:/var/run/docker.sock', undefined, 'lost services/web volumes/0'],
      [{ type: 'bind', source: './a', target: '/a' }, undefined, 'lost services/web volumes/0'],
      [{ type: 'npipe', source: 'a', target: '/a' }, undefined, 'lost services/web volumes/0'],
      ['data:relative', undefined, 'lost services/web volumes/0'],
      [5, undefined, 'lost services/web volumes/0'],
    ];
    for (const [volume, expected, line] of cases) {
      const { form, told } = web(
        { volumes: [volume] },
        { volumes: { data: null } },
        { default_volume_size: '5Gi' },
      );
      const { name: _name, ...made } = form.volumes?.[0] ?? { name: '' };
      assert.deepEqual(made, expected ?? {}, JSON.stringify(volume));
      assert.equal(form.kind, JSON.stringify(made).includes('claim') ? 'stateful' : 'stateless');
      assert.ok(told.includes(line), `${JSON.stringify(volume)}: ${told.join()}`);
    }
    const shared =
      converted(`{services: {a: {image: x, volumes: ['d:/d:ro']}, b: {image: x, volumes: ['d:/d', 'd:/e']}},
      volumes: {d: {external: true, driver: nfs, driver_opts: {o: x}}}}`);
    const { a, b } = goodForms(shared);
    assert.deepEqual(a?.containers[0]?.mounts, [
      { volume: 'd', path: '/d', sub_path: 'data', read_only: true },
    ]);
    assert.deepEqual([b?.volumes?.length, b?.containers[0]?.mounts?.length], [1, 2]);
    for (const line of [
      'changed services/a volumes/0',
      'changed volumes/d external',
      'lost volumes/d driver',
      'lost volumes/d driver_opts',
    ])
      assert.ok(lines(shared.report).includes(line), line);
  });

  it('carries over configs and secrets with what they hold', () => {
    const fields = {
      configs: ['page', { source: 'page', target: '/etc/page', mode: '0440' }, 'gone', 'nowhere'],
      secrets: ['key', { source: 'file', target: 'other' }],
    };
    const file = {
      configs: { page: { content: 'Hello ${WHO}' }, gone: { file: './gone' } },
      secrets: { key: { environment: 'KEY' }, file: { file: './secret.txt' } },
    };
    const variables = { WHO: 'you', KEY: 'the-value-of-key' };
    const { form, told, report } = web(fields, file, { variables });
    assert.deepEqual(form.config_files, [{ name: 'page', files: { page: 'Hello you' } }]);
    assert.deepEqual(form.containers[0]?.mounts, [
      { config: 'page', path: '/page', sub_path: 'page', read_only: true },
      { config: 'page', path: '/etc/page', sub_path: 'page', read_only: true },
      { secret: 'key', path: '/run/secrets/key', sub_path: 'key', read_only: true },
      { secret: 'file', path: '/run/secrets/other', sub_path: 'file', read_only: true },
    ]);
    assert.deepEqual(form.secrets, [{ name: 'key', values: { key: 'the-value-of-key' } }, { name: 'file' }]);
    for (const line of [
      'lost configs/gone file',
      'lost services/web configs/2',
      'lost services/web configs/3',
      'lost services/web configs/1/mode',
      'changed secrets/file',
    ])
      assert.ok(told.includes(line), line);
    assert.ok(!JSON.stringify(report).includes('the-value-of-key'));
    const filled = web(fields, file, { variables, secrets: { file: 'filled-in', none: 'x' } });
    assert.deepEqual(filled.form.secrets?.[1], { name: 'file', values: { file: 'filled-in' } });
    assert.ok(!filled.told.includes('changed secrets/file'));
    assert.ok(filled.told.includes('note content'));
  });

  it('puts variables in', () => {
    const value = (text: string, variables: Record<string, string> = {}) => {
      const { form, told } = web({ environment: { X: text } }, {}, { variables });
      return [form.containers[0]?.env?.[0]?.value, told.includes('changed services/web environment/X')];
    };
    assert.deepEqual(value('a$A-${A}', { A: '1' }), ['a1-1', false]);
    assert.deepEqual(value('$A'), ['', true]);
    assert.deepEqual(value('${A:-b}${A-c}'), ['bc', false]);
    assert.deepEqual(value('${A:-b}${A-c}', { A: '' }), ['b', false]);
    assert.deepEqual(value('${A:-${B:-c}}'), ['c', false]);
    assert.deepEqual(value('${A:+yes}${B+no}', { A: '1' }), ['yes', false]);
    assert.deepEqual(value('${A?x}', { A: '$B' }), ['$B', false]);
    // As Kubernetes reads it, two of them are one.
    assert.deepEqual(value('$$A $$$$'), ['$A $$$', false]);
    assert.deepEqual(value('cost: 5$'), ['cost: 5$', true]);
    assert.deepEqual(value('${', {}), ['${', true]);
    assert.deepEqual(value('a${A b'), ['a${A b', true]);
    // However often it is not closed, each character is looked at a few times.
    for (const piece of ['${', '${A', '${A:-', '$'.repeat(3)]) value(piece.repeat(100_000));
    // What Kubernetes would read as a reference to another variable stays what it is.
    assert.deepEqual(value('$$(A)'), ['$$(A)', false]);
    assert.throws(
      () => value('${A:?must be}'),
      (error) => error instanceof CetusError && /variable A/.test(error.message) && error.field === 'content',
    );
    const taken = web({ environment: ['GIVEN', 'MISSING', '1BAD=x'] }, {}, { variables: { GIVEN: 'g' } });
    assert.deepEqual(taken.form.containers[0]?.env, [{ name: 'GIVEN', value: 'g' }]);
    assert.ok(taken.told.includes('lost services/web environment/1'));
  });

  it('keeps as secrets what is named like one', () => {
    const secret = ['DB_PASSWORD', 'API_TOKEN', 'SECRET_KEY_BASE', 'password', 'AWS_SECRET_ACCESS_KEY'];
    const plain = ['PASSWORD_FILE', 'TOKENS', 'KEYBOARD', 'COMPASS', 'DB_PASSWORD_FILE'];
    const environment = Object.fromEntries([...secret, ...plain].map((name) => [name, 'v']));
    const { form } = web({ environment: { ...environment, URL: 'postgres://u:p@db/x', EMPTY_PASSWORD: '' } });
    assert.deepEqual(Object.keys(form.secrets?.[0]?.values ?? {}), [...secret, 'URL']);
    assert.deepEqual(
      form.containers[0]?.env?.flatMap(({ name, value }) => (value === undefined ? [] : [name])),
      [...plain, 'EMPTY_PASSWORD'],
    );
  });

  it('tells of each field that it does not carry over', () => {
    const cases: Record<string, unknown> = {
      build: '.', env_file: '.env', extends: { service: 'x' }, links: ['db'], networks: ['a'], depends_on: ['b'],
      init: true, ulimits: { nofile: 5 }, sysctls: ['a=b'], devices: ['/dev/a'], dns: '8.8.8.8', extra_hosts: ['a:1.1.1.1'],
      hostname: 'h', logging: { driver: 'x' }, cap_add: ['SYS_ADMIN'], pid: 'host', ipc: 'host', container_name: 'c',
      stop_signal: 'SIGINT', annotations: { a: 'b' }, group_add: ['a'], gpus: 'all', runtime: 'nvidia', cpu_shares: 5,
      network_mode: 'none', user: 'nobody', mem_swappiness: 5, restart: 'on-failure:3', working_dir: 'relative',
      no_such_field: 1, command: [], entrypoint: '"open', stop_grace_period: 'soon', mem_limit: 'much', ports: {}, labels: 5,
    }; // prettier-ignore
    for (const [key, value] of Object.entries(cases)) {
      const { told } = web({ [key]: value });
      assert.ok(
        told.some(
          (line) =>
            line.startsWith(`lost services/web ${key}`) ||
            line.startsWith(`note services/web ${key}`) ||
            line.startsWith(`changed services/web ${key}`),
        ),
        `${key}: ${told.join()}`,
      );
    }
    assert.deepEqual(web({ 'x-own': 1, ports: ['80'], privileged: false, init: false }).told, [
      'changed services/web ports',
    ]);
    assert.ok(web({}, { include: ['a.yaml'], other: 1 }).told.includes('lost compose other'));
  });

  it('imports the services of the profiles that are asked for', () => {
    const file = '{services: {a: {image: x}, b: {image: y, profiles: [debug]}, c: {build: .}}}';
    const some = converted(file);
    assert.deepEqual(
      some.applications.map(({ source }) => source),
      ['services/a'],
    );
    assert.ok(lines(some.report).includes('lost services/b profiles'));
    assert.ok(lines(some.report).includes('lost services/c'));
    assert.equal(converted(file, { profiles: ['debug'] }).applications.length, 2);
    assert.equal(converted(file, { profiles: ['*'] }).applications.length, 2);
  });

  it('gives names that Cetus takes, each once', () => {
    const long = 'x'.repeat(60);
    const conversion = converted(
      JSON.stringify({
        services: Object.fromEntries(
          ['my_app', 'my-app', 'My.App', '9lives', long, `${long}y`, '___'].map((name) => [
            name,
            { image: 'x' },
          ]),
        ),
      }),
    );
    goodForms(conversion);
    assert.deepEqual(
      conversion.applications.map(({ form }) => form.name),
      ['my-app', 'my-app-2', 'my-app-3', 'app-9lives', 'x'.repeat(40), `${'x'.repeat(38)}-2`, 'app'],
    );
  });
});
