// Package login keeps the users of an event store node that asks for passwords: a
// file beside the log, users.json, and the check of a name and a password against
// it.
//
// # How passwords are kept
//
// A password is stored as an argon2id hash of its own salt, with the parameters
// it was computed with, so that they can be raised later without a new password
// for anybody. An unknown user, one who is disabled and a wrong password take the
// same time and give the same error. Only a few hashes are computed at once,
// because each takes 19 MiB; a pair that was right once is remembered as a keyed
// digest, in memory only, until the file changes.
//
// # Why a file, and not the log
//
// The log is copied, backed up and read by programs; hashes of passwords have no
// place there. The file is replaced as a whole, under a lock, and a running node
// reads it again when it has changed: users are managed beside it. A file that
// cannot be read then changes nothing until it can be.
//
// Who may do what with which stream is not decided here: a user has roles, which
// are the groups and the name itself, and the node's access rules speak of roles.
package login
