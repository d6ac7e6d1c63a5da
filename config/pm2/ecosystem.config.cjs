// pm2 start ecosystem.config.cjs
module.exports = {
  apps: [
    {
      name: 'eudaemon',
      script: '/usr/bin/eudaemon',
      args: 'run --config /etc/eudaemon/eudaemon.yaml',
      interpreter: 'none',
      exec_mode: 'fork',
      instances: 1,
      kill_timeout: 20_000,
      max_memory_restart: '512M',
      stop_exit_codes: [0, 78],
    },
  ],
};
