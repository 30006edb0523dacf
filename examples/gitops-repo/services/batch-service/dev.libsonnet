{
  tag: '1.36.1',
  workers: 1,
  reportAt: '*/30 * * * *',
  config: { LOG_LEVEL: 'debug', BATCH_SIZE: '10' },
}
