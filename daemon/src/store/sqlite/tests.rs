//! Through the front door of the store: commands in, records out.
