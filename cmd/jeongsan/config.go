package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/command/businessday"
)

// Config is everything an installation can be told. Each field is a flag, an
// environment variable (JEONGSAN_ and the flag's name in capitals, dashes as
// underscores) and a key of the file that --config names; a flag wins over the
// environment, the environment over the file, the file over the default.
type Config struct {
	// Data is the directory of the embedded event store, Postgres, keys and the
	// local index. One process uses it at a time.
	Data string
	// EventStore is the connection string of an EventStoreDB or KurrentDB; empty
	// runs the embedded node in Data.
	EventStore string
	// NodeListen is the address of the embedded node.
	NodeListen string
	// Node is how the command node serves the embedded node to others.
	Node NodeConfig
	// Database is the connection string of a Postgres; empty runs a private server in Data.
	Database string
	// Keys is the directory of the keys that close personal data; empty is Data/keys.
	// Processes of one installation share it.
	Keys string
	// Listen is the address of the HTTP listener (serve and demo).
	Listen string
	// Roles are the stages that serve runs in this process.
	Roles []string
	// Process is the URL of the process that runs the role "process", for those that do not.
	Process string
	// Business is when the books' dates move, and who moves them.
	Business BusinessConfig
	// LogLevel is debug, info, warn or error; LogFormat is text or json.
	LogLevel, LogFormat string
	// JSON prints results for scripts instead of people.
	JSON bool
	// File is the configuration file. It has no key of its own.
	File string
}

// BusinessConfig says when business dates begin, for all books alike.
type BusinessConfig struct {
	// Zone is the IANA zone, and Starts the time of day, at which one date ends and the
	// next begins.
	Zone, Starts string
	// Days is auto where the role "process" moves books on as dates begin, manual where
	// only the command advance does.
	Days string
}

// businessAuto and businessManual are the values of BusinessConfig.Days.
const (
	businessAuto   = "auto"
	businessManual = "manual"
)

// NodeConfig is what the event store node is told when it runs alone. Passwords are
// never among it: files and the environment hold them.
type NodeConfig struct {
	// Listen is the address of the node.
	Listen string
	// TLSCert and TLSKey are the files of its certificate; empty for none.
	TLSCert, TLSKey string
	// Insecure allows other machines to use it without TLS and passwords.
	Insecure bool
	// AdminPasswordFile and OpsPasswordFile hold the first passwords.
	AdminPasswordFile, OpsPasswordFile string
}

// roleCollect and the others name the four stages of the way of the data.
const (
	roleCollect = "collect"
	roleProcess = "process"
	roleProject = "project"
	roleAPI     = "api"
)

func (c *Config) register(flags *pflag.FlagSet) {
	flags.StringVar(&c.Data, "data", "jeongsan-data", "`directory` of the embedded event store, database, keys and index")
	flags.StringVar(&c.EventStore, "eventstore", "", "EventStoreDB `URL` (esdb://…); empty runs the embedded node in --data")
	flags.StringVar(&c.NodeListen, "node-listen", "127.0.0.1:0", "`address` of the embedded event store node")
	flags.StringVar(&c.Database, "database", "", "Postgres `URL` (postgres://…); empty runs a private server in --data")
	flags.StringVar(&c.Keys, "keys", "", "`directory` of the keys that close personal data; empty is keys/ in --data")
	flags.StringVar(&c.LogLevel, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&c.LogFormat, "log-format", "text", "text or json; logs go to standard error")
	flags.BoolVar(&c.JSON, "json", false, "print results as JSON")
	flags.StringVar(&c.File, "config", "", "YAML `file` with the same keys as these flags")
}

func (c *Config) registerServe(flags *pflag.FlagSet) {
	flags.StringVar(&c.Listen, "listen", "127.0.0.1:8080", "HTTP `address`; loopback only, as there is no authentication yet")
	flags.StringSliceVar(&c.Roles, "roles", []string{roleCollect, roleProcess, roleProject, roleAPI}, "stages to run in this process")
	flags.StringVar(&c.Process, "process", "", "`URL` of the process that runs the role \"process\", where this one does not")
	c.registerBusinessDay(flags)
	flags.StringVar(&c.Business.Days, "business-days", businessAuto, "auto: the role \"process\" moves books from date to date; manual: only jeongsan advance does")
}

func (c *Config) registerBusinessDay(flags *pflag.FlagSet) {
	flags.StringVar(&c.Business.Zone, "business-zone", "UTC", "IANA `zone` in which business dates of books begin")
	flags.StringVar(&c.Business.Starts, "business-day-starts", "00:00", "`time` of day, in that zone, at which they begin")
}

func (c *Config) registerNode(flags *pflag.FlagSet) {
	n := &c.Node
	flags.StringVar(&n.TLSCert, "tls-cert", "", "`file` of the node's certificate; see jeongsan node certs")
	flags.StringVar(&n.TLSKey, "tls-key", "", "`file` of the certificate's key")
	flags.BoolVar(&n.Insecure, "insecure", false, "let other machines in without certificate and passwords: everybody is an administrator")
	flags.StringVar(&n.AdminPasswordFile, "admin-password-file", "", "`file` with the first password of the user admin")
	flags.StringVar(&n.OpsPasswordFile, "ops-password-file", "", "`file` with the first password of the user ops")
}

// complete fills what no flag set from the environment and the file, and checks
// the whole. It reports every fault at once.
func (c *Config) complete(flags *pflag.FlagSet) error {
	var faults []error
	set := func(name, value, from string) {
		if err := flags.Set(name, value); err != nil {
			faults = append(faults, &domain.Error{Code: domain.CodeInvalid, Field: name, Value: value, Message: "cannot be read (" + from + ")", Remedy: "see --help", Err: err})
		}
	}
	changed := map[string]bool{}
	flags.VisitAll(func(f *pflag.Flag) {
		changed[f.Name] = f.Changed
		key := "JEONGSAN_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value, ok := os.LookupEnv(key); ok && !f.Changed && f.Name != "help" {
			set(f.Name, value, "environment "+key)
			changed[f.Name] = true
		}
	})
	if c.File != "" {
		keys, err := readConfigFile(c.File)
		if err != nil {
			faults = append(faults, err)
		}
		for name, value := range keys {
			switch f := flags.Lookup(name); {
			case !knownKey(name):
				faults = append(faults, &domain.Error{Code: domain.CodeInvalid, Field: name, Message: c.File + ": unknown key", Remedy: "known keys: " + strings.Join(configKeys(), ", ")})
			case f != nil && !changed[name]:
				set(name, value, c.File)
			}
		}
	}
	return errors.Join(append(faults, c.check()...)...)
}

func (c *Config) check() []error {
	var faults []error
	fault := func(field, value, message, remedy string) {
		faults = append(faults, &domain.Error{Code: domain.CodeInvalid, Field: field, Value: value, Message: message, Remedy: remedy})
	}
	if c.Listen != "" {
		if err := loopbackOnly(c.Listen); err != nil {
			faults = append(faults, err)
		}
	}
	if c.EventStore != "" && !strings.HasPrefix(c.EventStore, "esdb://") && !strings.HasPrefix(c.EventStore, "esdb+discover://") {
		fault("eventstore", redactURL(c.EventStore), "not a connection string of an event store", "write it as esdb://host:2113?tls=false")
	}
	if c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		fault("database", redactURL(c.Database), "not a connection string of Postgres", "write it as postgres://user@host:5432/name")
	}
	for _, role := range c.Roles {
		switch role {
		case roleCollect, roleProcess, roleProject, roleAPI:
		default:
			fault("roles", role, "unknown role", "choose from collect, process, project, api")
		}
	}
	if c.Process != "" && !strings.HasPrefix(c.Process, "http://") && !strings.HasPrefix(c.Process, "https://") {
		fault("process", c.Process, "not a URL", "write it as http://127.0.0.1:8080")
	}
	if _, err := c.Business.day(); err != nil {
		faults = append(faults, err)
	}
	if d := c.Business.Days; d != "" && d != businessAuto && d != businessManual {
		fault("business-days", d, "not a way to move business dates", "choose auto or manual")
	}
	return faults
}

// day reads zone and time of day.
func (b *BusinessConfig) day() (businessday.Day, error) {
	return businessday.ParseDay(b.Zone, b.Starts)
}

// loopbackOnly refuses an address that others could reach: there is no
// authentication yet.
func loopbackOnly(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return &domain.Error{Code: domain.CodeInvalid, Field: "listen", Value: address, Message: "not an address", Remedy: "write it as 127.0.0.1:8080", Err: err}
	}
	if ip := net.ParseIP(host); host == "localhost" || (ip != nil && ip.IsLoopback()) {
		return nil
	}
	return &domain.Error{
		Code: domain.CodeInvalid, Field: "listen", Value: address,
		Message: "the server has no authentication yet and stays on loopback",
		Remedy:  "use 127.0.0.1 or [::1], and a tunnel or an authenticating proxy for others",
	}
}

func readConfigFile(path string) (map[string]string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "config", Value: path, Message: "cannot be read", Remedy: "name a readable YAML file", Err: err}
	}
	var raw map[string]any
	if err := yaml.Unmarshal(content, &raw); err != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "config", Value: path, Message: "is not YAML of keys and values:\n" + yaml.FormatError(err, false, true)}
	}
	keys := make(map[string]string, len(raw))
	for name, value := range raw {
		if list, ok := value.([]any); ok {
			parts := make([]string, len(list))
			for i, item := range list {
				parts[i] = fmt.Sprint(item)
			}
			keys[name] = strings.Join(parts, ",")
			continue
		}
		keys[name] = fmt.Sprint(value)
	}
	return keys, nil
}

// configKeys lists the keys of a configuration file: one file serves all commands.
func configKeys() []string {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	var c Config
	c.register(flags)
	c.registerServe(flags)
	c.registerNode(flags)
	var keys []string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != "config" {
			keys = append(keys, f.Name)
		}
	})
	return keys
}

func knownKey(name string) bool {
	for _, key := range configKeys() {
		if key == name {
			return true
		}
	}
	return false
}

func (c *Config) hasRole(role string) bool {
	for _, r := range c.Roles {
		if r == role {
			return true
		}
	}
	return false
}
