# What Lambda's pollers need to read the topic. They take the function's role for it.

locals {
  secret_arns = compact([try(var.authentication.secret_arn, null), var.ca_certificate_secret_arn])
  destination = var.on_failure_destination_arn == null ? null : split(":", var.on_failure_destination_arn)[2]

  statements = concat(
    length(local.secret_arns) == 0 ? [] : [{
      Sid      = "ReadTheSecretsOfTheCluster"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = local.secret_arns
    }],
    var.secrets_kms_key_arn == null ? [] : [{
      Sid      = "DecryptTheSecretsOfTheCluster"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = [var.secrets_kms_key_arn]
    }],
    var.network == null ? [] : [{
      # EC2 knows no resources for describing, and the interfaces do not exist before they are made.
      Sid    = "ReachTheBrokersInTheirNetwork"
      Effect = "Allow"
      Action = [
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
      ]
      Resource = ["*"]
    }],
    local.destination == null ? [] : [{
      Sid      = "HandOverWhatIsGivenUp"
      Effect   = "Allow"
      Action   = { sqs = ["sqs:SendMessage"], sns = ["sns:Publish"], s3 = ["s3:ListBucket", "s3:PutObject"] }[local.destination]
      Resource = local.destination == "s3" ? [var.on_failure_destination_arn, "${var.on_failure_destination_arn}/*"] : [var.on_failure_destination_arn]
    }],
  )
}

resource "aws_iam_role_policy" "this" {
  #checkov:skip=CKV_AWS_290:EC2 knows no resources for network interfaces that do not exist yet.
  #checkov:skip=CKV_AWS_355:EC2 knows no resources for network interfaces that do not exist yet.
  name = "read-${var.name}"
  role = var.function.role_name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.statements
  })
}
