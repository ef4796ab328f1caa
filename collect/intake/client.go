package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
)

// Client sends deliveries to a server. It is safe for concurrent use.
type Client struct {
	server string
	http   *http.Client
}

// NewClient sends to the server at a URL such as http://127.0.0.1:8080. A nil
// client is one without a time limit, which a long ingest needs.
func NewClient(server string, client *http.Client) *Client {
	if client == nil {
		client = &http.Client{}
	}
	return &Client{server: strings.TrimRight(server, "/"), http: client}
}

// Send sends a delivery with the definition of its source and waits until it is
// settled. name is what errors call the definition. Errors are as those of
// collect.Pipeline.Ingest; besides, CodeUnavailable says that the server did not
// take it, CodeOutcomeUnknown that its answer broke off.
func (c *Client) Send(ctx context.Context, name string, definition []byte, delivery *collect.Delivery, progress func(collect.Progress)) (collect.Report, error) {
	body, contentType, size, err := form(name, definition, delivery)
	if err != nil {
		return collect.Report{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server+path, body)
	if err != nil {
		return collect.Report{}, &domain.Error{Code: domain.CodeInvalid, Field: "server", Value: c.server, Message: "not a usable URL", Remedy: "write it as http://127.0.0.1:8080", Err: err}
	}
	request.Header.Set("Content-Type", contentType)
	request.ContentLength = size
	response, err := c.http.Do(request)
	if err != nil {
		return collect.Report{}, &domain.Error{Code: domain.CodeUnavailable, Field: "server", Value: c.server, Message: "the server did not answer", Remedy: "check that it runs with the role collect, and send again: what has settled is recognised", Err: err}
	}
	report, err := read(response, progress)
	// The body has been read to its end or given up; closing it changes nothing.
	return report, errors.Join(err, response.Body.Close())
}

// form is the request's body: the delivery is streamed from its file.
func form(name string, definition []byte, delivery *collect.Delivery) (io.Reader, string, int64, error) {
	var head bytes.Buffer
	writer := multipart.NewWriter(&head)
	part, err := writer.CreateFormFile(partDefinition, filepath.Base(name))
	if err == nil {
		_, err = part.Write(definition)
	}
	if err == nil {
		_, err = writer.CreateFormFile(partData, delivery.Name)
	}
	if err != nil {
		return nil, "", 0, fmt.Errorf("the request's form: %w", err)
	}
	tail := "\r\n--" + writer.Boundary() + "--\r\n"
	size := int64(head.Len()) + delivery.Size + int64(len(tail))
	return io.MultiReader(&head, delivery.Bytes(), strings.NewReader(tail)), writer.FormDataContentType(), size, nil
}

// read follows the answer to its last line.
func read(response *http.Response, progress func(collect.Progress)) (collect.Report, error) {
	in := json.NewDecoder(response.Body)
	if response.StatusCode != http.StatusOK {
		var f failure
		if err := in.Decode(&f); err != nil || f.Code == "" {
			return collect.Report{}, &domain.Error{Code: domain.CodeUnavailable, Field: "server", Value: response.Status, Message: "the server does not take deliveries", Remedy: "check its address, and that it runs with the role collect"}
		}
		return collect.Report{}, f.err()
	}
	for {
		var l line
		if err := in.Decode(&l); err != nil {
			return collect.Report{}, &domain.Error{Code: domain.CodeOutcomeUnknown, Field: "server", Message: "the answer of the server broke off", Remedy: "send the delivery again: what has settled is recognised and the rest goes on", Err: err}
		}
		switch {
		case l.Report != nil:
			return *l.Report, l.Error.err()
		case l.Progress != nil && progress != nil:
			progress(*l.Progress)
		}
	}
}
