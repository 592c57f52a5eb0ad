//! Roles that an operator keeps in a file: they count, and are never shown or changed here.

use jeton_domain::role::descriptor::RoleDescriptor;

use crate::Authority;

impl Authority {
    /// Puts these roles in the place of those that came from the file before, all at once. The next
    /// request sees them.
    ///
    /// They count before stored roles of the same names and after reserved ones. The file is one
    /// machine's: nothing that is committed can expect it unchanged.
    pub fn set_file_roles(&self, roles: Vec<RoleDescriptor>) {
        self.roles.set_file_roles(roles);
    }
}
