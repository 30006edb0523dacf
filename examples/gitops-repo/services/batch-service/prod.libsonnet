{
  tag: '1.36.1',
  workers: 2,
  reportAt: '0 3 * * *',
  config: { LOG_LEVEL: 'warning', BATCH_SIZE: '500' },
}
