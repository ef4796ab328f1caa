package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database schema up to this version",
		Long: `Bring the database schema up to this version. serve and ingest do the same when
they start; run it alone to do it at a moment of your choosing. Migrations go
forward only, and a read model whose tables changed is rebuilt from the log.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if _, err := p.attach(); err != nil {
				return err
			}
			o, err := p.open(cmd.Context(), need{command: "migrate", database: true})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.close()) }()
			if p.config.JSON {
				return p.printJSON(map[string]bool{"migrated": true})
			}
			_, err = fmt.Fprintln(p.stdout, "the database schema is up to date")
			return err
		},
	}
}
