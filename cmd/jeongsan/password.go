package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/jeongsan/jeongsan/domain"
)

// longestLine bounds what is read for a password.
const longestLine = 64 << 10

// readPassword gets a new password: from a file, from a terminal, where it is asked
// for twice and not shown, or else from standard input.
func (p *program) readPassword(ctx context.Context, user, file string) (string, error) {
	if file != "" {
		return passwordFile("password-file", file)
	}
	terminal, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return passwordLine("password on standard input", "", p.stdin)
	}
	first, err := p.askPassword(ctx, terminal, "New password of "+user+": ")
	if err != nil {
		return "", err
	}
	again, err := p.askPassword(ctx, terminal, "Once more: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", &domain.Error{Code: domain.CodeInvalid, Field: "password", Message: "the two are not the same; nothing was changed", Remedy: "try again"}
	}
	return first, nil
}

// askPassword reads a line from a terminal without showing it. Where ctx ends first
// the terminal shows again what is typed.
func (p *program) askPassword(ctx context.Context, terminal *os.File, prompt string) (string, error) {
	descriptor := int(terminal.Fd())
	before, err := term.GetState(descriptor)
	if err != nil {
		return "", err
	}
	fmt.Fprint(p.stderr, prompt)
	type answer struct {
		password []byte
		err      error
	}
	answers := make(chan answer, 1)
	go func() {
		password, err := term.ReadPassword(descriptor)
		answers <- answer{password, err}
	}()
	defer fmt.Fprintln(p.stderr)
	select {
	case a := <-answers:
		return string(a.password), a.err
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(descriptor, before))
	}
}

// passwordFile reads a password from the first line of a file.
func passwordFile(flag, path string) (password string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", &domain.Error{Code: domain.CodeInvalid, Field: flag, Value: path, Message: "cannot be read", Err: err,
			Remedy: "name a readable file with the password in its first line"}
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return passwordLine(flag, path, file)
}

func passwordLine(field, value string, from io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(from, longestLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", &domain.Error{Code: domain.CodeInvalid, Field: field, Value: value, Message: "cannot be read", Err: err}
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if line == "" {
		return "", &domain.Error{Code: domain.CodeInvalid, Field: field, Value: value, Message: "holds no password", Remedy: "put it into the first line"}
	}
	return line, nil
}
