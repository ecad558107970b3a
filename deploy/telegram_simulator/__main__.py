"""`python -m deploy.telegram_simulator` runs the simulator until SIGTERM or Ctrl-C."""

from deploy.telegram_simulator.app import main

main()
