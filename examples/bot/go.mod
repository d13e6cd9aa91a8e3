module github.com/sunco-go/sunco/examples/bot

go 1.26.0

replace github.com/sunco-go/sunco => ../..

require (
	github.com/stretchr/testify v1.12.1
	github.com/sunco-go/sunco v0.0.0-00010101000000-000000000000
)

require (
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/google/go-querystring v1.2.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)
