package esdb

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/jeongsan/jeongsan/domain"
)

// settings are what the client understands after the question mark.
var settings = []string{
	"tls", "tlsVerifyCert", "tlsCaFile", "userCertFile", "userKeyFile",
	"defaultDeadline", "discoveryInterval", "gossipTimeout", "maxDiscoverAttempts",
	"keepAliveInterval", "keepAliveTimeout", "nodePreference",
}

// parse checks a connection string more strictly than the client does.
func parse(connectionString string, logger *slog.Logger) (*esdb.Configuration, error) {
	shown := withoutPassword(connectionString)
	if _, query, ok := strings.Cut(shown, "?"); ok {
		for _, pair := range strings.Split(query, "&") {
			if err := checkSetting(pair); err != nil {
				return nil, err
			}
		}
	}
	config, err := esdb.ParseConnectionString(connectionString)
	if err == nil {
		err = config.Validate()
	}
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "eventstore", Value: shown, Err: presentable(shown, err),
			Message: "not a connection string of an event store",
			Remedy:  "write it as esdb://localhost:2113?tls=false or esdb+discover://user:password@cluster.example:2113"}
	}
	if config.DisableTLS && config.Username != "" {
		logger.Warn("without TLS the client sends no user and password", "eventstore", shown)
	}
	config.Logger = func(level esdb.LogLevel, format string, args ...any) {
		interrupt(level, format, args)
		// What matters of these messages comes back as an error as well.
		logger.Debug("event store client", "level", level, "message", fmt.Sprintf(format, args...))
	}
	return config, nil
}

func checkSetting(pair string) error {
	if pair == "" {
		return nil
	}
	name, value, _ := strings.Cut(pair, "=")
	known := slices.ContainsFunc(settings, func(s string) bool { return strings.EqualFold(s, name) })
	if !known {
		return &domain.Error{Code: domain.CodeInvalid, Field: "eventstore", Value: name,
			Message: "unknown setting in the connection string", Remedy: "known are " + strings.Join(settings, ", ")}
	}
	if strings.EqualFold(name, "defaultDeadline") {
		if ms, err := strconv.Atoi(value); err != nil || ms < 1 {
			return &domain.Error{Code: domain.CodeInvalid, Field: "eventstore: defaultDeadline", Value: value,
				Message: "not a number of milliseconds", Remedy: "write a whole number above 0"}
		}
	}
	return nil
}

// presentable is why a connection string is refused, without its password, which
// the client's own error may repeat: it is what the client says of the string as
// it is shown.
func presentable(shown string, err error) error {
	if !strings.Contains(shown, hidden) {
		return err
	}
	config, err := esdb.ParseConnectionString(shown)
	if err == nil {
		err = config.Validate()
	}
	if err == nil {
		err = errors.New("user or password hold characters that must be written as %XX")
	}
	return err
}

// hidden stands for a password.
const hidden = ":***@"

// withoutPassword makes a connection string fit for messages and logs.
func withoutPassword(connectionString string) string {
	scheme, rest := "", connectionString
	if i := strings.Index(connectionString, "://"); i >= 0 {
		scheme, rest = connectionString[:i+3], connectionString[i+3:]
	}
	at := strings.LastIndex(rest, "@")
	if at < 0 {
		return connectionString
	}
	user, _, _ := strings.Cut(rest[:at], ":")
	return scheme + user + hidden + rest[at+1:]
}
