// batch-service: a worker that is always there, and a report every night.
// Call it with the settings of one environment; it returns the list of objects.
local name = 'batch-service';
local labels = { 'app.kubernetes.io/name': name };

function(settings)
  local image = 'busybox:' + settings.tag;

  local podSpec(container) = {
    serviceAccountName: name,
    containers: [container { image: image, envFrom: [{ configMapRef: { name: name } }] }],
  };

  local object(apiVersion, kind, objectName=name) = {
    apiVersion: apiVersion,
    kind: kind,
    metadata: { name: objectName, labels: labels },
  };

  [
    object('v1', 'ServiceAccount') { automountServiceAccountToken: false },
    object('v1', 'ConfigMap') { data: settings.config },
    object('apps/v1', 'Deployment') {
      spec: {
        replicas: settings.workers,
        selector: { matchLabels: labels },
        template: {
          metadata: {
            labels: labels,
            annotations: { 'config-digest': std.md5(std.manifestJsonMinified(settings.config)) },
          },
          spec: podSpec({
            name: 'worker',
            command: ['sh', '-c', 'while true; do date; sleep 60; done'],
            resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '32Mi' } },
          }),
        },
      },
    },
    object('batch/v1', 'CronJob', name + '-report') {
      spec: {
        schedule: settings.reportAt,
        concurrencyPolicy: 'Forbid',
        successfulJobsHistoryLimit: 2,
        jobTemplate: {
          spec: {
            backoffLimit: 2,
            template: {
              metadata: { labels: labels { 'app.kubernetes.io/component': 'report' } },
              spec: podSpec({ name: 'report', command: ['sh', '-c', 'echo all done'] }) { restartPolicy: 'Never' },
            },
          },
        },
      },
    },
  ]
