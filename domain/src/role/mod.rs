//! Roles: what a role grants, as it is stored and as it is enforced.
