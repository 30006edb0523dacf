{
  tag: '1.36.1',
  workers: 1,
  reportAt: '0 3 * * *',
  config: { LOG_LEVEL: 'info', BATCH_SIZE: '100' },
}
