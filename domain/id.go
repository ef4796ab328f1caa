package domain

import "regexp"

var identifier = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$`)

// CheckID refuses an identifier of a book, party, contract, schedule or source
// that is not 1 to 64 of a-z, 0-9, '.', '_', '-', beginning and ending with a
// letter or digit. Identifiers become parts of stream names and account paths.
func CheckID(field, id string) error {
	if identifier.MatchString(id) {
		return nil
	}
	return &Error{
		Code: CodeInvalid, Field: field, Value: id, Message: "not a valid identifier",
		Remedy: "use 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning and ending with a letter or digit",
	}
}
