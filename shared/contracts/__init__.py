"""What crosses a service border: event types, their envelope, and the broker's topology. No I/O here."""
