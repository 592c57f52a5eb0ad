//! Privileges: named sets of actions, and the words with which an action is denied.
