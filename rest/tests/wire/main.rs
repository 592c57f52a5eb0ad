//! The wire, from the head of a request to the bytes of its answer, on a store in memory.
//!
//! Each numbered case of the wire's description that needs no socket has its test here or beside
//! the rule that it is about.

#[cfg(test)]
mod adjacent;
#[cfg(test)]
mod application_privileges;
#[cfg(test)]
mod authenticate;
#[cfg(test)]
mod authorization;
#[cfg(test)]
mod bulk_roles;
#[cfg(test)]
mod caches;
#[cfg(test)]
mod conventions;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod file_roles;
#[cfg(test)]
mod grant;
#[cfg(test)]
mod invalidate;
#[cfg(test)]
mod meddling;
#[cfg(test)]
mod nonsense;
#[cfg(test)]
mod overtaken;
#[cfg(test)]
mod privileges;
#[cfg(test)]
mod queries;
#[cfg(test)]
mod realms;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod role_mappings;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod user_forms;
#[cfg(test)]
mod users;
#[cfg(test)]
mod world;
