"""Tables: columns, tasks, splits, encoders, preparation and checks."""
