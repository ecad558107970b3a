"""The four services. None imports another; `python -m services.<name> <process>` starts one."""
