"""What crosses a service border: event types, their envelope, the broker's topology. No I/O."""
