"""The OpenFeature Remote Evaluation Protocol 0.3.0 over the gate: single flags, all of them at once, and word of changes."""
