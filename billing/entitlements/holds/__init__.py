"""Holds: units of a limit set aside before they are used, so that two who ask at once cannot both have the last one."""
