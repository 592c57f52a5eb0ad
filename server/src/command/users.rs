//! `jeton users`: the users of the file realm.
//!
//! Owns the words of this command. What a change does to the files is `jeton_realms::file::edit`'s;
//! no server is asked, and a running one learns of it by itself.

use std::collections::BTreeSet;
use std::str::FromStr;

use clap::{Args, Subcommand};
use jeton_domain::name::{RoleName, Username};
use jeton_domain::role::reserved;
use jeton_domain::secret::Secret;
use jeton_domain::time::Entropy as _;
use jeton_realms::file::FilePaths;
use jeton_realms::file::edit::{EditError, Editor, Listing, check_known, check_new, check_roles};
use jeton_realms::password::{Algorithm, Cost, Salt, hash};
use jeton_realms::reserved::ReservedNames;
use jeton_realms::roles_file::{self, FileRoles};
use jeton_rest::json::text::JSON;
use zeroize::Zeroizing;

use super::{Common, Failure, complain, say, terminal};
use crate::core::acceptable;
use crate::settings::{RealmKind, RoleSettings, Settings};
use crate::system::SystemEntropy;

/// Add, change, show and remove the users of the file realm
#[derive(Debug, Args)]
pub(super) struct Users {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: UsersCommand,
}

#[derive(Debug, Subcommand)]
enum UsersCommand {
    /// Add a user
    Useradd {
        #[command(flatten)]
        user: Named,
        #[command(flatten)]
        given: Given,
        /// The roles of the user, separated by commas
        #[arg(short, long, value_name = "ROLES", value_delimiter = ',')]
        roles: Vec<String>,
    },
    /// Remove a user
    Userdel {
        #[command(flatten)]
        user: Named,
    },
    /// Give a user a new password
    Passwd {
        #[command(flatten)]
        user: Named,
        #[command(flatten)]
        given: Given,
    },
    /// Give a user roles and take roles away; without options, show them
    Roles {
        #[command(flatten)]
        user: Named,
        /// The roles to give, separated by commas
        #[arg(short, long, value_name = "ROLES", value_delimiter = ',')]
        add: Vec<String>,
        /// The roles to take away, separated by commas
        #[arg(short, long, value_name = "ROLES", value_delimiter = ',')]
        remove: Vec<String>,
    },
    /// Show the users with their roles; `*` marks roles that are neither built in nor in
    /// `roles.yml`
    List {
        /// Show this user only
        #[arg(value_name = "NAME")]
        username: Option<String>,
    },
}

#[derive(Debug, Args)]
struct Named {
    /// The user
    #[arg(value_name = "NAME")]
    username: String,
}

#[derive(Debug, Args)]
struct Given {
    /// The password; others on this machine may see it. Without it you are asked twice
    #[arg(short, long)]
    password: Option<Password>,
}

/// A password as it was typed.
#[derive(Clone)]
struct Password(Zeroizing<String>);

impl FromStr for Password {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Password")
    }
}

impl Users {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let desk = Desk::new(self.common.settings()?)?;
        match &self.command {
            UsersCommand::Useradd { user, given, roles } => {
                desk.add(&user.name(), given, &names(roles))
            }
            UsersCommand::Userdel { user } => desk.remove(&user.name()),
            UsersCommand::Passwd { user, given } => desk.set_password(&user.name(), given),
            UsersCommand::Roles { user, add, remove } if add.is_empty() && remove.is_empty() => {
                desk.list(Some(&user.name()))
            }
            UsersCommand::Roles { user, add, remove } => {
                desk.change_roles(&user.name(), &names(add), &names(remove))
            }
            UsersCommand::List { username } => {
                desk.list(username.as_deref().map(Username::new).as_ref())
            }
        }
    }
}

impl Named {
    fn name(&self) -> Username {
        Username::new(&self.username)
    }
}

/// The files to work on, and what the settings say of them.
struct Desk {
    settings: Settings,
    paths: FilePaths,
    reserved: ReservedNames,
}

impl Desk {
    fn new(settings: Settings) -> Result<Self, Failure> {
        let paths = settings.realms.iter().find_map(|realm| match &realm.kind {
            RealmKind::File { users, users_roles } => {
                Some(FilePaths { users: users.clone(), users_roles: users_roles.clone() })
            }
            RealmKind::Native => None,
        });
        let Some(paths) = paths else {
            return Err(Failure::Said("the settings turn the file realm off".to_owned()));
        };
        let anonymous = settings.anonymous.as_ref();
        let anonymous = anonymous.map(|anonymous| Username::new(&anonymous.username));
        let reserved = ReservedNames::new(settings.reserved_realm, anonymous);
        Ok(Self { settings, paths, reserved })
    }

    fn add(&self, username: &Username, given: &Given, roles: &[RoleName]) -> Result<(), Failure> {
        // Before anybody types a password in vain; the editor looks again.
        check_new(&self.paths, &self.reserved, username)?;
        check_roles(username, roles)?;
        let hash = self.hash(username, given)?;
        self.editor()?.add(username, &hash, roles)?;
        self.warn_of_unknown(roles);
        say(&format!("added user [{username}]"));
        Ok(())
    }

    fn remove(&self, username: &Username) -> Result<(), Failure> {
        self.editor()?.remove(username)?;
        say(&format!("removed user [{username}]"));
        Ok(())
    }

    fn set_password(&self, username: &Username, given: &Given) -> Result<(), Failure> {
        check_known(&self.paths, username)?;
        let hash = self.hash(username, given)?;
        self.editor()?.set_hash(username, &hash)?;
        say(&format!("changed the password of user [{username}]"));
        Ok(())
    }

    fn change_roles(
        &self,
        username: &Username,
        added: &[RoleName],
        removed: &[RoleName],
    ) -> Result<(), Failure> {
        if let Some(both) = added.iter().find(|role| removed.contains(role)) {
            let text = format!("role [{both}] cannot be both given and taken away");
            return Err(Failure::Said(text));
        }
        check_roles(username, removed)?;
        self.editor()?.change_roles(username, added, removed)?;
        self.warn_of_unknown(added);
        say(&format!("changed the roles of user [{username}]"));
        Ok(())
    }

    fn list(&self, only: Option<&Username>) -> Result<(), Failure> {
        let Listing { mut users, problems } = Listing::read(&self.paths, &self.reserved)?;
        for (path, problem) in problems {
            complain(&format!("[{}], {problem}", path.display()));
        }
        if let Some(username) = only {
            let roles = users.remove(username);
            let roles = roles.ok_or_else(|| EditError::Unknown(username.clone()))?;
            users = [(username.clone(), roles)].into();
        }
        let known = self.known_roles();
        let mut has_unknown = false;
        for (username, roles) in users {
            let marked = |role: &RoleName| {
                let is_unknown = !known.contains(role.as_str());
                has_unknown |= is_unknown;
                format!("{role}{}", if is_unknown { "*" } else { "" })
            };
            let roles: Vec<_> = roles.iter().map(marked).collect();
            let roles = if roles.is_empty() { "-".to_owned() } else { roles.join(",") };
            say(&format!("{:<15} : {roles}", username.as_str()));
        }
        if has_unknown {
            say(&format!(
                "\n * neither built in nor in [{}]; it may have been made through the API",
                self.settings.roles.file.display()
            ));
        }
        Ok(())
    }

    fn editor(&self) -> Result<Editor, Failure> {
        let on_wait = || complain("waiting for another run that changes the files");
        Ok(Editor::open(self.paths.clone(), self.reserved.clone(), on_wait)?)
    }

    /// The hash to store of the password that was given, else of one that is asked for.
    fn hash(&self, username: &Username, given: &Given) -> Result<String, Failure> {
        let password = match &given.password {
            Some(Password(password)) => password.clone(),
            None => terminal::new_password(username.as_str())?,
        };
        acceptable(password.as_bytes()).map_err(Failure::Said)?;
        let mut salt = [0; 32];
        SystemEntropy.fill(&mut salt);
        let password = Secret::from(password.as_str());
        hash(password.expose(), algorithm(&self.settings)?, &Salt::new(salt))
            .map_err(|error| Failure::Said(error.to_string()))
    }

    fn warn_of_unknown(&self, roles: &[RoleName]) {
        let known = self.known_roles();
        let unknown: Vec<_> =
            roles.iter().map(RoleName::as_str).filter(|role| !known.contains(*role)).collect();
        if !unknown.is_empty() {
            complain(&format!(
                "warning: roles [{}] are neither built in nor in [{}]; check the names, unless they \
                 were made through the API",
                unknown.join(","),
                self.settings.roles.file.display()
            ));
        }
    }

    /// The roles that are known without asking a server. Tells what is wrong with their file.
    fn known_roles(&self) -> BTreeSet<String> {
        let RoleSettings { reserved, file } = &self.settings.roles;
        let mut known: BTreeSet<String> =
            reserved::names().filter(|name| reserved.contains(name)).map(str::to_owned).collect();
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    complain(&format!("[{}]: {error}", file.display()));
                }
                return known;
            }
        };
        let FileRoles { roles, problems } = roles_file::parse(&text, reserved, &JSON);
        for problem in problems {
            complain(&format!("[{}], {problem}", file.display()));
        }
        known.extend(roles.into_keys().map(String::from));
        known
    }
}

/// What a hash in the files is made with: as the settings want it, but only as Elasticsearch knows
/// it, which may read the same files.
fn algorithm(settings: &Settings) -> Result<Algorithm, Failure> {
    let wanted: Result<Algorithm, _> = settings.hashing.algorithm.parse();
    match wanted {
        Ok(Algorithm::Argon2id) => Ok(Algorithm::Bcrypt(Cost::DEFAULT)),
        Ok(known) => Ok(known),
        Err(error) => Err(Failure::Said(error.to_string())),
    }
}

fn names(roles: &[String]) -> Vec<RoleName> {
    roles.iter().map(|role| RoleName::new(role.trim())).collect()
}
