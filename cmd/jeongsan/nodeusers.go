package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/eventstore/node/login"
)

func (p *program) nodeUsersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "users",
		Short: "Manage the users of an event store node",
		Long: `Manage the users of the event store node in --data, also beside a running one,
which sees a change at once. They matter with TLS only: without it nobody is asked.

Users in the group $admins may do everything, those in $ops may see the figures of the
node and are else as any user. What users may do the streams' own access lists say, which
name groups and users; docs/node.md shows how.

A password is asked for on the terminal, or read from the first line of standard
input or of --password-file. It is never an argument, where others could see it.`,
		Example: `  jeongsan node users list     --data ./log
  jeongsan node users add      --data ./log projector --group readers
  jeongsan node users password --data ./log admin
  jeongsan node users disable  --data ./log projector`,
		Args: subcommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.usersListCommand(), p.usersAddCommand(), p.usersPasswordCommand(),
		p.usersChangeCommand("disable", "Shut a user out", "is shut out", func(u *login.Users, name string) error { return u.SetDisabled(name, true) }),
		p.usersChangeCommand("enable", "Let a user in again", "may log in", func(u *login.Users, name string) error { return u.SetDisabled(name, false) }),
		p.usersChangeCommand("remove", "Remove a user", "is removed", func(u *login.Users, name string) error { return u.Remove(name) }))
	return cmd
}

// usersDir is where the node of --data keeps its users.
func (p *program) usersDir() string { return filepath.Join(p.config.Data, "node") }

func (p *program) usersListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the users and their groups",
		Example: "  jeongsan node users list --data ./log --json",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			users, err := login.Read(p.usersDir())
			if err != nil {
				return err
			}
			if p.config.JSON {
				return p.printJSON(users.List())
			}
			t := table.NewWriter()
			t.SetOutputMirror(p.stdout)
			t.SetStyle(table.StyleLight)
			t.AppendHeader(table.Row{"user", "groups", "state"})
			for _, user := range users.List() {
				state := "enabled"
				if user.Disabled {
					state = "disabled"
				}
				t.AppendRow(table.Row{user.Name, strings.Join(user.Groups, ", "), state})
			}
			t.Render()
			return nil
		},
	}
}

func (p *program) usersAddCommand() *cobra.Command {
	var user login.User
	var file string
	cmd := &cobra.Command{
		Use:     "add NAME",
		Short:   "Add a user",
		Example: "  jeongsan node users add --data ./log projector --group readers --password-file projector.txt",
		Args:    oneArgument("the user's name"),
		RunE: func(cmd *cobra.Command, names []string) error {
			user.Name = names[0]
			if _, err := login.Read(p.usersDir()); err != nil {
				return err // before anybody types a password
			}
			password, err := p.readPassword(cmd.Context(), user.Name, file)
			if err != nil {
				return err
			}
			return p.editUsers(user.Name, "is added", func(u *login.Users) error { return u.Add(user, password) })
		},
	}
	cmd.Flags().StringSliceVar(&user.Groups, "group", nil, "`groups` of the user, as $admins, $ops or one that access lists name")
	cmd.Flags().StringVar(&file, "password-file", "", "`file` whose first line is the password")
	return cmd
}

func (p *program) usersPasswordCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:     "password NAME",
		Short:   "Change a user's password",
		Example: "  jeongsan node users password --data ./log admin",
		Args:    oneArgument("the user's name"),
		RunE: func(cmd *cobra.Command, names []string) error {
			if _, err := login.Read(p.usersDir()); err != nil {
				return err
			}
			password, err := p.readPassword(cmd.Context(), names[0], file)
			if err != nil {
				return err
			}
			return p.editUsers(names[0], "has a new password", func(u *login.Users) error { return u.SetPassword(names[0], password) })
		},
	}
	cmd.Flags().StringVar(&file, "password-file", "", "`file` whose first line is the password")
	return cmd
}

func (p *program) usersChangeCommand(verb, short, done string, change func(*login.Users, string) error) *cobra.Command {
	return &cobra.Command{
		Use: verb + " NAME", Short: short, Example: "  jeongsan node users " + verb + " --data ./log projector",
		Args: oneArgument("the user's name"),
		RunE: func(_ *cobra.Command, names []string) error {
			return p.editUsers(names[0], done, func(u *login.Users) error { return change(u, names[0]) })
		},
	}
}

func (p *program) editUsers(name, done string, change func(*login.Users) error) error {
	if err := login.Edit(p.usersDir(), change); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "user %s %s\n", name, done)
	return err
}
