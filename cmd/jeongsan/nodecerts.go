package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/eventstore/node/certificate"
)

func (p *program) nodeCertsCommand() *cobra.Command {
	var request certificate.Request
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "Make the certificates of event store nodes",
		Long: `Make a certificate for an event store node, and first a certificate authority
where the directory has none: ca.crt is what clients must trust, node.crt and
node.key are for the node. Whoever holds ca.key can pretend to be the node: keep it
elsewhere, the node does not need it.

The authority is kept and signs the certificates of further nodes (--name) and
renewals (--force); it is valid for ten years and never replaced. localhost,
127.0.0.1 and ::1 are always among the names.`,
		Example: `  jeongsan node certs --dir ./certs --host ledger.example,10.0.0.5
  jeongsan node certs --dir ./certs --host ledger.example,10.0.0.5 --force    # renew
  jeongsan node certs --dir ./certs --host standby.example --name standby     # another node`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			request.Now = time.Now()
			issued, err := certificate.Issue(request)
			if err != nil {
				return err
			}
			return p.printIssued(issued)
		},
	}
	f := cmd.Flags()
	f.StringVar(&request.Dir, "dir", "certs", "`directory` of the authority and the certificates")
	f.StringVar(&request.Name, "name", "node", "`name` of the node's files")
	f.StringSliceVar(&request.Hosts, "host", nil, "`names` and addresses by which clients reach the node")
	f.IntVar(&request.Days, "days", 365, "how long the certificate is valid")
	f.BoolVar(&request.Overwrite, "force", false, "overwrite the node's certificate and key, never the authority")
	return cmd
}

func (p *program) printIssued(issued certificate.Issued) error {
	if p.config.JSON {
		return p.printJSON(issued)
	}
	var b strings.Builder
	if issued.NewCA {
		fmt.Fprintf(&b, "made a certificate authority: %s\n", issued.CAFile)
	}
	fmt.Fprintf(&b, "made a certificate for %s, valid until %s: %s\n\n", strings.Join(issued.Hosts, ", "), issued.Expires.Format(time.DateOnly), issued.CertFile)
	fmt.Fprintf(&b, "Run the node with       --tls-cert %s --tls-key %s\n", issued.CertFile, issued.KeyFile)
	fmt.Fprintf(&b, "Give clients a copy of  %s\n", issued.CAFile)
	fmt.Fprintf(&b, "and connect with        esdb://USER:PASSWORD@%s:2113?tlsCAFile=%s\n", issued.Hosts[0], issued.CAFile)
	_, err := fmt.Fprint(p.stdout, b.String())
	return err
}
