package login

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jeongsan/jeongsan/domain"
)

// The roles that the node itself knows, and the users who have them from the start.
const (
	Admins = "$admins"
	Ops    = "$ops"

	AdminUser = "admin"
	OpsUser   = "ops"
)

// KnownPassword is the password that EventStoreDB gives its first users, and that
// everybody tries first.
const KnownPassword = "changeit"

const (
	maxName     = 64   // bytes of a user's or a group's name
	maxPassword = 1024 // bytes
)

// User is one who may log in.
type User struct {
	Name     string   `json:"name"`
	Groups   []string `json:"groups"`
	Disabled bool     `json:"disabled,omitempty"`
}

// Roles are what access lists may name to mean this user: the groups, and the name.
func (u User) Roles() []string { return append([]string{u.Name}, u.Groups...) }

// account is a user as the file has it.
type account struct {
	User
	Hash string `json:"hash"`

	hash hash
}

// Users are all users of a node, in the order in which they were added. The zero
// value has none.
type Users struct {
	accounts []account
}

// List returns the users.
func (u *Users) List() []User {
	list := make([]User, len(u.accounts))
	for i, a := range u.accounts {
		list[i] = a.User
	}
	return list
}

// Add adds a user.
func (u *Users) Add(user User, password string) error {
	if err := checkUser(user); err != nil {
		return err
	}
	if err := checkPassword(user.Name, password); err != nil {
		return err
	}
	if u.find(user.Name) != nil {
		return &domain.Error{Code: domain.CodeConflict, Field: "user", Value: user.Name, Message: "the user exists",
			Remedy: "choose another name, or change the password"}
	}
	h := newHash(password)
	u.accounts = append(u.accounts, account{User: user, Hash: h.String(), hash: h})
	return nil
}

// SetPassword gives a user another password.
func (u *Users) SetPassword(name, password string) error {
	a, err := u.get(name)
	if err != nil {
		return err
	}
	if err := checkPassword(name, password); err != nil {
		return err
	}
	a.hash = newHash(password)
	a.Hash = a.hash.String()
	return nil
}

// SetDisabled shuts a user out or lets it in again. The last administrator stays.
func (u *Users) SetDisabled(name string, disabled bool) error {
	a, err := u.get(name)
	if err != nil {
		return err
	}
	if disabled {
		if err := u.keepsAdministrator(name); err != nil {
			return err
		}
	}
	a.Disabled = disabled
	return nil
}

// Remove removes a user. The last administrator stays.
func (u *Users) Remove(name string) error {
	if _, err := u.get(name); err != nil {
		return err
	}
	if err := u.keepsAdministrator(name); err != nil {
		return err
	}
	u.accounts = slices.DeleteFunc(u.accounts, func(a account) bool { return a.Name == name })
	return nil
}

func (u *Users) find(name string) *account {
	for i := range u.accounts {
		if u.accounts[i].Name == name {
			return &u.accounts[i]
		}
	}
	return nil
}

func (u *Users) get(name string) (*account, error) {
	if a := u.find(name); a != nil {
		return a, nil
	}
	return nil, &domain.Error{Code: domain.CodeNotFound, Field: "user", Value: name, Message: "there is no such user",
		Remedy: "see: jeongsan node users list"}
}

// keepsAdministrator refuses to lose the last one who may do everything.
func (u *Users) keepsAdministrator(without string) error {
	for _, a := range u.accounts {
		if a.Name != without && !a.Disabled && slices.Contains(a.Groups, Admins) {
			return nil
		}
	}
	return &domain.Error{Code: domain.CodeConflict, Field: "user", Value: without, Message: "nobody would be left in " + Admins,
		Remedy: "add another administrator first"}
}

// checkUser refuses names that cannot be sent, or that would be taken for one of
// the node's own roles.
func checkUser(user User) error {
	if err := checkName("user", user.Name); err != nil {
		return err
	}
	if strings.HasPrefix(user.Name, "$") {
		return &domain.Error{Code: domain.CodeInvalid, Field: "user", Value: user.Name, Message: "a user's name is a role as well, and those with $ are the node's own",
			Remedy: "choose a name that does not begin with $"}
	}
	for i, group := range user.Groups {
		if err := checkName("group", group); err != nil {
			return err
		}
		if slices.Contains(user.Groups[:i], group) {
			return &domain.Error{Code: domain.CodeInvalid, Field: "group", Value: group, Message: "named twice", Remedy: "name each group once"}
		}
	}
	return nil
}

func checkName(field, name string) error {
	refused := func(r rune) bool { return r == ':' || r == ',' || unicode.IsSpace(r) || unicode.IsControl(r) }
	if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, refused) {
		return &domain.Error{Code: domain.CodeInvalid, Field: field, Value: name, Message: "not a name",
			Remedy: fmt.Sprintf("use 1 to %d bytes without colons, commas and spaces", maxName)}
	}
	return nil
}

// checkPassword never shows the password.
func checkPassword(name, password string) error {
	if password == "" || len(password) > maxPassword || !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl) {
		return &domain.Error{Code: domain.CodeInvalid, Field: "password of " + name, Message: "empty, too long or with characters that cannot be typed",
			Remedy: fmt.Sprintf("use 1 to %d bytes", maxPassword)}
	}
	return nil
}
