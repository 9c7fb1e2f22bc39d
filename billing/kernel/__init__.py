"""The shared kernel: money, time, ids and errors, on which every other package stands."""
