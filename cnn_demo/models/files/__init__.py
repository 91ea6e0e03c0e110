"""Weight files: where they are on this machine, how they are downloaded and checked."""
