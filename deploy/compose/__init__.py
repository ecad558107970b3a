"""What `docker compose up` needs beside the services: secrets and provisioning."""
