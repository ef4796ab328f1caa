// The official client's own tests, apart from the requirements of the product.
// tools/client-tests.sh compiles them; nothing here can be built without it.
module github.com/jeongsan/jeongsan/tools/clienttests

go 1.26.0

// The versions are those of the product, so that the client is tested as it is used.
require (
	github.com/EventStore/EventStore-Client-Go/v4 v4.2.0
	github.com/google/uuid v1.6.0
	github.com/stretchr/testify v1.12.1
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260831171406-18b4a7587f8a // indirect
)

// A folder that does not exist: a build overlay fills it with the client's files
// from the module cache.
replace github.com/EventStore/EventStore-Client-Go/v4 => ./client
