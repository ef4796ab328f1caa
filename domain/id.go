package domain

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

const longestID = 64

// CheckID refuses an identifier of a book, party, contract, schedule or source
// that is not 1 to 64 of a-z, 0-9, '.', '_', '-', beginning and ending with a
// letter or digit. Identifiers become parts of stream names and account paths.
func CheckID(field, id string) error {
	if isID(id) {
		return nil
	}
	message := "not a valid identifier"
	if id == "" {
		message = "an identifier is missing"
	}
	return &Error{
		Code: CodeInvalid, Field: field, Value: id, Message: message,
		Remedy: "use 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning and ending with a letter or digit",
	}
}

func isID(id string) bool {
	if id == "" || len(id) > longestID || !alphanumeric(id[0]) || !alphanumeric(id[len(id)-1]) {
		return false
	}
	for i := range len(id) {
		if c := id[i]; !alphanumeric(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// CheckName refuses a name of a type, role or purpose that is not lower_snake:
// 1 to 64 of a-z, 0-9 and '_', beginning with a letter.
func CheckName(field, name string) error {
	ok := name != "" && len(name) <= longestID && name[0] >= 'a' && name[0] <= 'z'
	for i := 0; ok && i < len(name); i++ {
		ok = alphanumeric(name[i]) || name[i] == '_'
	}
	if ok {
		return nil
	}
	return &Error{
		Code: CodeInvalid, Field: field, Value: name, Message: "not a valid name",
		Remedy: "use 1 to 64 of a-z, 0-9 and '_', beginning with a letter, as top_up",
	}
}

// CheckText refuses text that is longer than longest bytes, is not UTF-8 or holds
// control characters. Empty text passes.
func CheckText(field, text string, longest int) error {
	if len(text) > longest {
		return &Error{
			Code: CodeInvalid, Field: field, Value: text, Message: "too long",
			Remedy: "send at most " + strconv.Itoa(longest) + " bytes",
		}
	}
	for i := 0; i < len(text); {
		c, size := rune(text[i]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRuneInString(text[i:])
		}
		if c == utf8.RuneError && size == 1 || unicode.IsControl(c) {
			return &Error{
				Code: CodeInvalid, Field: field, Value: text, Message: "not plain text",
				Remedy: "send UTF-8 without control characters",
			}
		}
		i += size
	}
	return nil
}
