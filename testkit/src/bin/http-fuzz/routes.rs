//! The routes as a client knows them, with bodies that make sense and bodies that nearly do.
//!
//! Owns no chance: what is drawn from here is spoiled elsewhere. In a path `{}` stands for a name;
//! in a body `@name`, `@password`, `@elastic`, `@access` and `@refresh` stand for what they say.

/// A route as a client knows it: method, path with `{}` for a name, bodies.
pub(crate) type Route = (&'static str, &'static str, &'static [&'static str]);

/// What is drawn from; a route that matters more stands here more than once.
pub(crate) const ROUTES: &[Route] = &[
    ("POST", TOKEN, GRANTS),
    ("POST", TOKEN, GRANTS),
    ("POST", TOKEN, GRANTS),
    ("DELETE", TOKEN, INVALIDATIONS),
    ("DELETE", TOKEN, INVALIDATIONS),
    ("POST", OLD_TOKEN, GRANTS),
    ("DELETE", OLD_TOKEN, INVALIDATIONS),
    ("GET", AUTHENTICATE, &[]),
    ("GET", AUTHENTICATE, &[]),
    ("GET", "/_security/user", &[]),
    ("GET", USER, &[]),
    ("GET", "/_security/user/elastic,fuzz1", &[]),
    ("PUT", USER, USERS),
    ("POST", USER, USERS),
    ("PUT", USER, USERS),
    ("DELETE", USER, &[]),
    ("PUT", "/_security/user/{}/_enable", &[]),
    ("POST", "/_security/user/{}/_disable", &[]),
    ("PUT", OWN_PASSWORD, PASSWORDS),
    ("POST", OWN_PASSWORD, PASSWORDS),
    ("PUT", "/_security/user/{}/_password", PASSWORDS),
    ("POST", "/_security/user/{}/_password", PASSWORDS),
    ("GET", "/_security/_query/user", &[]),
    ("POST", "/_security/_query/user", USER_QUERIES),
    ("POST", "/_security/_query/user", USER_QUERIES),
    ("GET", "/_security/user/_privileges", &[]),
    ("GET", "/_security/user/_has_privileges", QUESTIONS),
    ("POST", "/_security/user/_has_privileges", QUESTIONS),
    ("POST", "/_security/user/{}/_has_privileges", QUESTIONS),
    ("GET", "/_security/role", &[]),
    ("GET", ROLE, &[]),
    ("PUT", ROLE, ROLES),
    ("POST", ROLE, ROLES),
    ("DELETE", ROLE, &[]),
    ("POST", "/_security/role", MANY_ROLES),
    ("DELETE", "/_security/role", ROLE_NAMES),
    ("POST", "/_security/_query/role", ROLE_QUERIES),
    ("PUT", MAPPING, MAPPINGS),
    ("POST", MAPPING, MAPPINGS),
    ("GET", MAPPING, &[]),
    ("GET", "/_security/role_mapping", &[]),
    ("DELETE", MAPPING, &[]),
    ("PUT", "/_security/privilege", PRIVILEGES),
    ("POST", "/_security/privilege", PRIVILEGES),
    ("GET", "/_security/privilege", &[]),
    ("GET", "/_security/privilege/{}", &[]),
    ("GET", "/_security/privilege/{}/read,write", &[]),
    ("DELETE", "/_security/privilege/{}/read", &[]),
    ("GET", "/_security/privilege/_builtin", &[]),
    ("POST", "/_security/role/{},*/_clear_cache", &[]),
    ("POST", "/_security/realm/default_native,file1/_clear_cache?usernames=fuzz1,fuzz2", &[]),
    ("POST", "/_security/realm/{}/_clear_cache", &[]),
    ("POST", "/_security/privilege/*/_clear_cache", &[]),
    ("POST", "/_security/api_key/{}/_clear_cache", &[]),
    ("POST", "/_security/service/elastic/{}/credential/token/a,b/_clear_cache", &[]),
    ("GET", "/_security/settings", &[]),
    ("PUT", "/_security/settings", SETTINGS),
    ("GET", "/_security/stats", &[]),
    ("GET", "/_ssl/certificates", &[]),
    ("GET", "/", &[]),
    ("HEAD", "/", &[]),
    ("GET", "/_cluster/health?wait_for_status=yellow&timeout=1ms", &[]),
    ("GET", "/_jeton/live", &[]),
    ("OPTIONS", TOKEN, &[]),
];

const TOKEN: &str = "/_security/oauth2/token";
const OLD_TOKEN: &str = "/_xpack/security/oauth2/token";
const AUTHENTICATE: &str = "/_security/_authenticate";
const USER: &str = "/_security/user/{}";
const ROLE: &str = "/_security/role/{}";
const MAPPING: &str = "/_security/role_mapping/{}";
const OWN_PASSWORD: &str = "/_security/user/_password";

const GRANTS: &[&str] = &[
    r#"{"grant_type":"client_credentials"}"#,
    r#"{"grant_type":"password","username":"elastic","password":"@elastic","scope":"full"}"#,
    r#"{"grant_type":"password","username":"@name","password":"@password"}"#,
    r#"{"grant_type":"password","username":"file-user","password":"wrong-password"}"#,
    r#"{"grant_type":"refresh_token","refresh_token":"@refresh"}"#,
    r#"{"grant_type":"refresh_token","refresh_token":"@access"}"#,
    r#"{"grant_type":"_kerberos","kerberos_ticket":"YII="}"#,
    r#"{"grant_type":"_kerberos","kerberos_ticket":"!"}"#,
    r#"{"grant_type":"authorization_code"}"#,
];

const INVALIDATIONS: &[&str] = &[
    r#"{"token":"@access"}"#,
    r#"{"refresh_token":"@refresh"}"#,
    r#"{"token":"@refresh"}"#,
    r#"{"token":"46ToAxYzNUdPZWdYOFRQcWhjeHR3NWpvTmVB"}"#,
    r#"{"username":"@name"}"#,
    r#"{"realm_name":"default_native"}"#,
    r#"{"realm_name":"file1","username":"file-user"}"#,
    r#"{"token":"a","refresh_token":"b"}"#,
    r#"{"token":"a","username":"b"}"#,
];

const USERS: &[&str] = &[
    r#"{"password":"@password","roles":["superuser"],"full_name":"F","metadata":{"a":[1,{"b":null}]}}"#,
    r#"{"password":"@password","roles":["fuzz1","monitoring_user"],"enabled":true}"#,
    r#"{"roles":[],"enabled":false,"email":null}"#,
    r#"{"password_hash":"$2a$04$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm","roles":[]}"#,
    r#"{"password":"12345","roles":[]}"#,
];

const ROLES: &[&str] = &[
    r#"{"cluster":["manage_token"],"run_as":["fuzz*","/f[u-z]+1/"],"metadata":{"k":1.5}}"#,
    r#"{"cluster":["all"],"indices":[{"names":["a-*"],"privileges":["read"],"query":{"term":{"x":1}}}],"applications":[{"application":"a","privileges":["p"],"resources":["*"]}]}"#,
    r#"{"clusters":[]}"#,
    r#"{"remote_indices":[{"clusters":["c"],"names":["n"],"privileges":["read"]}],"description":"d"}"#,
    r#"{"cluster":["manage_security"],"run_as":["*"]}"#,
    r#"{"cluster":["cluster:admin/xpack/security/user/*"],"global":{"application":{"manage":{"applications":["fuzz*","/f[a-z]+/"]}},"profile":{"write":{"applications":["x*"]}},"role":{"manage":{"indices":[{"names":["a*"],"privileges":["read"]}]}}}}"#,
    r#"{"remote_cluster":[{"clusters":["*"],"privileges":["monitor_stats"]}],"indices":[{"names":["/a.*b{1,9}/","~x","a?*"],"privileges":["READ","indices:data/read/*"],"field_security":{"grant":["a*"],"except":["ab"]},"allow_restricted_indices":true}]}"#,
    r#"{"cluster":["bogus"]}"#,
    r#"{"restriction":{"workflows":["search_application_query"]}}"#,
];

const PASSWORDS: &[&str] = &[r#"{"password":"@password"}"#, r#"{"password_hash":"$2a$"}"#];

const USER_QUERIES: &[&str] = &[
    "{}",
    r#"{"query":{"match_all":{}},"sort":["username"],"from":1,"size":3}"#,
    r#"{"query":{"bool":{"must":[{"prefix":{"username":"fuzz"}}],"must_not":{"term":{"enabled":false}},"should":[{"wildcard":{"roles":{"value":"f*1"}}}],"minimum_should_match":1}}}"#,
    r#"{"query":{"terms":{"username":["@name","fuzz1","elastic"]}},"sort":[{"roles":{"order":"desc"}},"_doc"],"search_after":["fuzz1",3]}"#,
    r#"{"query":{"simple_query_string":{"query":"fuzz* + -(@name | \"a b\"~2)","fields":["user*","email"]}}}"#,
    r#"{"query":{"range":{"username":{"gte":"a","lt":"z"}}},"size":0}"#,
    r#"{"query":{"ids":{"values":["user-@name",1]}}}"#,
    r#"{"query":{"match":{"full_name":{"query":"F f","operator":"and"}}}}"#,
    r#"{"query":{"exists":{"field":"email"}},"sort":"email"}"#,
    r#"{"query":{"term":{"password":"x"}}}"#,
    r#"{"query":{"fuzzy":{"username":"fuzz"}}}"#,
    r#"{"from":-1,"size":10000000000}"#,
];

const ROLE_QUERIES: &[&str] = &[
    r#"{"query":{"term":{"applications.application":"a"}},"sort":["name"]}"#,
    r#"{"query":{"wildcard":{"metadata.k":"*"}},"size":100}"#,
    r#"{"query":{"bool":{"filter":{"exists":{"field":"description"}}}}}"#,
    r#"{"query":{"match":{"description":"d"}},"sort":[{"name":"desc"}],"search_after":["@name"]}"#,
    r#"{"query":{"simple_query_string":{"query":"*"}}}"#,
];

const MANY_ROLES: &[&str] = &[
    r#"{"roles":{"@name":{"cluster":["monitor"]},"fuzz2":{"cluster":["bogus"]},"superuser":{}}}"#,
    r#"{"roles":{"@name":{},"\u00e9":{}}}"#,
    r#"{"roles":{}}"#,
    r#"{"roles":{"@name":{"colour":1}}}"#,
];

const ROLE_NAMES: &[&str] = &[
    r#"{"names":["@name","fuzz1","superuser","none","@name"]}"#,
    r#"{"names":[]}"#,
    r#"{"names":"fuzz1"}"#,
];

const MAPPINGS: &[&str] = &[
    r#"{"enabled":true,"roles":["viewer"],"rules":{"field":{"username":"*"}}}"#,
    r#"{"enabled":true,"roles":["fuzz1"],"rules":{"all":[{"any":[{"field":{"dn":"*,ou=x,dc=e"}},{"field":{"groups":["cn=a\\,b,dc=e","/c[a-z]{1,3}=.*/",null]}}]},{"except":{"field":{"metadata.a.b":[1,2.5,true]}}}]},"metadata":{"v":[1]}}"#,
    r#"{"enabled":false,"role_templates":[{"template":{"source":"{{#tojson}}groups{{/tojson}}"},"format":"json"},{"template":"{\"source\":\"{{#join}}groups{{/join}}-{{username}}\"}"}],"rules":{"field":{"realm.name":"ldap1"}}}"#,
    r#"{"enabled":true,"role_templates":[{"template":{"source":"{{#a}}{{^b}}{{{c}}}{{/b}}{{/a}}{{! no }}{{&d}}","params":{"a":[{"b":null}]}}}],"rules":{"any":[]}}"#,
    r#"{"enabled":true,"roles":["x"],"rules":{"any":[{"except":{"field":{"dn":null}}}]}}"#,
    r#"{"roles":["x"],"rules":{"all":[]}}"#,
    r#"{"enabled":true,"roles":["x"],"rules":{"field":{"dn":"/((a*)*b){1000}/"}},"run_as":[]}"#,
];

const PRIVILEGES: &[&str] = &[
    r#"{"@name":{"read":{"actions":["data:read/*","action:login"],"metadata":{"a":1}}}}"#,
    r#"{"@name":{"read":{"actions":["data:*"]},"write":{"actions":["data:write/*"],"application":"@name","name":"write"}},"fuzz-two":{"all":{"actions":["*"]}}}"#,
    r#"{"My":{"read":{"actions":["a:b"]}}}"#,
    r#"{"@name":{"Read":{"actions":[]}}}"#,
    "{}",
];

const QUESTIONS: &[&str] = &[
    r#"{"cluster":["monitor","manage_own_api_key","cluster:admin/xpack/security/user/put"]}"#,
    r#"{"index":[{"names":["a-1","*",".security"],"privileges":["read","all"],"allow_restricted_indices":true},{"names":"a-1","privileges":["write"]}],"application":[{"application":"fuzz1","privileges":["read","data:read/x"],"resources":["*","a/b"]}]}"#,
    r#"{"index":[{"names":["/a.*/","a*b*c*d*"],"privileges":["indices:data/read/*"]}]}"#,
    r#"{"cluster":[]}"#,
    r#"{"cluster":["bogus"]}"#,
    r#"{"index":[{"names":["a"],"privileges":["read"],"query":{}}]}"#,
    r#"{"application":[{"application":"a*","privileges":["p"],"resources":["*"]}]}"#,
    "{}",
];

const SETTINGS: &[&str] = &[
    r#"{"security":{"index.number_of_replicas":1},"security-tokens":{"index":{"auto_expand_replicas":"0-all"}}}"#,
    r#"{"security":{"index":{"number_of_replicas":null,"auto_expand_replicas":null}}}"#,
    r#"{"security-profile":{"index.refresh_interval":"1s"}}"#,
    r#"{"other":{}}"#,
    "{}",
];
