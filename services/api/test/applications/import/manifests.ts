/** Base64, as Secrets have it. */
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A Deployment with all that may belong to it. */
export const SHOP = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: shop-config, namespace: shop }
data:
  LOG_LEVEL: info
  PRICE: "$(COST)"
  app.yaml: |
    a: 1
---
apiVersion: v1
kind: Secret
metadata: { name: shop-db, namespace: shop }
type: Opaque
data: { password: ${base64('pass-word-of-db')} }
stringData: { user: shop-user-name }
---
apiVersion: v1
kind: Secret
metadata: { name: registry, namespace: shop }
type: kubernetes.io/dockerconfigjson
data:
  .dockerconfigjson: ${base64(JSON.stringify({ auths: { 'https://registry.example': { auth: base64('robot:registry-pass') } } }))}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  namespace: shop
  labels: { app.kubernetes.io/name: shop, tier: front }
  annotations: { deployment.kubernetes.io/revision: "3", team: a }
spec:
  replicas: 3
  revisionHistoryLimit: 3
  selector: { matchLabels: { app: shop } }
  strategy: { type: RollingUpdate, rollingUpdate: { maxSurge: 1, maxUnavailable: 25% } }
  minReadySeconds: 5
  template:
    metadata: { labels: { app: shop } }
    spec:
      serviceAccountName: shop
      imagePullSecrets: [{ name: registry }]
      securityContext: { runAsNonRoot: true, fsGroup: 1000 }
      initContainers:
        - { name: migrate, image: 'shop:2', args: [migrate] }
      containers:
        - name: web
          image: registry.example/shop:2
          ports: [{ name: http, containerPort: 8080 }]
          envFrom:
            - configMapRef: { name: shop-config }
            - secretRef: { name: shop-db }
              prefix: DB_
          env:
            - { name: LOG_LEVEL, value: debug }
            - name: LEVEL
              valueFrom: { configMapKeyRef: { name: shop-config, key: LOG_LEVEL } }
            - name: PASSWORD
              valueFrom: { secretKeyRef: { name: shop-db, key: password } }
            - name: POD
              valueFrom: { fieldRef: { fieldPath: metadata.name } }
          resources:
            requests: { cpu: 250m, memory: 256Mi }
            limits: { memory: 1024Mi, nvidia.com/gpu: 1 }
          livenessProbe: { httpGet: { path: healthz, port: http }, periodSeconds: 10 }
          readinessProbe: { tcpSocket: { port: 8080 }, initialDelaySeconds: 3 }
          lifecycle: { preStop: { exec: { command: [sleep, "5"] } } }
          securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: [ALL], add: [NET_BIND_SERVICE] } }
          volumeMounts:
            - { name: config, mountPath: /etc/shop/app.yaml, subPath: app.yaml }
            - { name: cache, mountPath: /cache }
            - { name: creds, mountPath: /creds, readOnly: true }
      volumes:
        - { name: config, configMap: { name: shop-config } }
        - { name: cache, emptyDir: { sizeLimit: 1Gi } }
        - name: creds
          secret: { secretName: shop-db, items: [{ key: password, path: pw }] }
---
apiVersion: v1
kind: Service
metadata: { name: shop-svc, namespace: shop }
spec:
  selector: { app: shop }
  ports: [{ name: http, port: 80, targetPort: http }]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  namespace: shop
  annotations: { nginx.ingress.kubernetes.io/rewrite-target: / }
spec:
  ingressClassName: nginx
  tls: [{ hosts: [shop.example], secretName: shop-tls }]
  rules:
    - host: shop.example
      http:
        paths:
          - { path: /, pathType: Prefix, backend: { service: { name: shop-svc, port: { name: http } } } }
          - { path: /api, pathType: Exact, backend: { service: { name: shop-svc, port: { number: 80 } } } }
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: shop, namespace: shop }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: shop }
  minReplicas: 2
  maxReplicas: 10
  metrics:
    - { type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 70 } } }
    - { type: Pods, pods: { metric: { name: x } } }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: shop, namespace: shop }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: shop, namespace: shop }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: shop, namespace: shop }
---
apiVersion: example.com/v1
kind: Widget
metadata: { name: w }
`;

/** Of a version that there is no more; its name is longer than one may be. */
export const CRON = `
apiVersion: batch/v1beta1
kind: CronJob
metadata: { name: nightly-report-of-all-the-things-that-happened }
spec:
  schedule: " 0   3 * * 1-5 "
  timeZone: Europe/Berlin
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 5
  successfulJobsHistoryLimit: 2
  suspend: true
  jobTemplate:
    spec:
      backoffLimit: 2
      ttlSecondsAfterFinished: 100
      template:
        spec:
          restartPolicy: OnFailure
          containers: [{ name: report, image: 'report:1', command: [sh, -c, 'echo $(DATE)'] }]
`;

/** With a Service for its pods, and one for everybody. */
export const STATEFUL = `
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: pg }
spec:
  serviceName: pg-headless
  replicas: 3
  podManagementPolicy: Parallel
  updateStrategy: { type: RollingUpdate, rollingUpdate: { partition: 1 } }
  selector: { matchLabels: { app: pg } }
  template:
    metadata: { labels: { app: pg } }
    spec:
      terminationGracePeriodSeconds: 60
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - { topologyKey: kubernetes.io/hostname, labelSelector: { matchLabels: { app: pg } } }
      containers:
        - name: pg
          image: postgres:16
          ports: [{ containerPort: 5432 }]
          volumeMounts: [{ name: data, mountPath: /var/lib/postgresql/data, subPath: pgdata }]
  volumeClaimTemplates:
    - metadata: { name: data }
      spec:
        accessModes: [ReadWriteOnce]
        storageClassName: fast
        resources: { requests: { storage: 20Gi } }
---
apiVersion: v1
kind: Service
metadata: { name: pg-headless }
spec: { clusterIP: None, selector: { app: pg }, ports: [{ port: 5432 }] }
---
apiVersion: v1
kind: Service
metadata: { name: pg }
spec: { type: LoadBalancer, selector: { app: pg }, loadBalancerSourceRanges: [10.0.0.0/8], ports: [{ port: 5432, nodePort: 30432 }] }
`;
