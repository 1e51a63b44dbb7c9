# `whalebuild bake` publishes whalebuild's own image with this file.
variable "IMAGE" {
  default = "localhost:5000/whalebuild"
}

variable "PYTHON_IMAGE" {
  default = "python:3.13-slim"
}

variable "DOCKER_CLI_IMAGE" {
  default = "docker:28-cli"
}

# A CA bundle for `pip install`, where a proxy re-signs TLS; empty for none.
variable "CA_BUNDLE" {
  default = ""
}

group "default" {
  targets = ["deps", "app"]
}

target "_common" {
  args = {
    PYTHON_IMAGE     = PYTHON_IMAGE
    DOCKER_CLI_IMAGE = DOCKER_CLI_IMAGE
  }
  secret = CA_BUNDLE == "" ? [] : ["type=file,id=ca,src=${CA_BUNDLE}"]
}

target "deps" {
  inherits = ["_common"]
  target   = "dependencies"
  args     = { SOURCE_DATE_EPOCH = 946684800 } # dates in the image: 2000-01-01
  tags     = ["${IMAGE}:deps"]
}

target "app" {
  inherits = ["_common"]
  target   = "final"
  tags     = ["${IMAGE}:latest"]
}
