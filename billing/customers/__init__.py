"""The people and firms a tenant sells to, known by the business's own key."""
