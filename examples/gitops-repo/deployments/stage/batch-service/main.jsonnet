// The service's own objects with this environment's settings. Nothing else belongs here.
local batchService = import '../../../services/batch-service/batch-service.libsonnet';

batchService(import '../../../services/batch-service/stage.libsonnet')
