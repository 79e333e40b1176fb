"""The live session: one thread that trains, commands into it, snapshots out of it."""
