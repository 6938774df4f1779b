"""The descriptor has the standard's fields, and stands beside any other registration of the same names."""

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import Default

from images.worker.sparkplug.schema import DATATYPES, PACKAGE, Payload
from tests.support.sparkplug import TYPES, field

# Message: numbers and names of its fields (Sparkplug B 3.0, 6.4).
FIELDS = {
    "": "1 timestamp, 2 metrics, 3 seq, 4 uuid, 5 body",
    ".Metric": (
        "1 name, 2 alias, 3 timestamp, 4 datatype, 5 is_historical, 6 is_transient, 7 is_null, 8 metadata, "
        "9 properties, 10 int_value, 11 long_value, 12 float_value, 13 double_value, 14 boolean_value, "
        "15 string_value, 16 bytes_value, 17 dataset_value, 18 template_value, 19 extension_value"
    ),
    ".MetaData": (
        "1 is_multi_part, 2 content_type, 3 size, 4 seq, 5 file_name, 6 file_type, 7 md5, 8 description"
    ),
    ".PropertySet": "1 keys, 2 values",
    ".PropertySetList": "1 propertyset",
    ".PropertyValue": (
        "1 type, 2 is_null, 3 int_value, 4 long_value, 5 float_value, 6 double_value, 7 boolean_value, "
        "8 string_value, 9 propertyset_value, 10 propertysets_value, 11 extension_value"
    ),
    ".DataSet": "1 num_of_columns, 2 columns, 3 types, 4 rows",
    ".DataSet.Row": "1 elements",
    ".DataSet.DataSetValue": (
        "1 int_value, 2 long_value, 3 float_value, 4 double_value, 5 boolean_value, 6 string_value, "
        "7 extension_value"
    ),
    ".Template": "1 version, 2 metrics, 3 parameters, 4 template_ref, 5 is_definition",
    ".Template.Parameter": (
        "1 name, 2 type, 3 int_value, 4 long_value, 5 float_value, 6 double_value, 7 boolean_value, "
        "8 string_value, 9 extension_value"
    ),
}


@pytest.mark.parametrize("message", FIELDS)
def test_each_message_has_the_fields_of_the_standard(message: str) -> None:
    pool = Payload.DESCRIPTOR.file.pool
    found = pool.FindMessageTypeByName(f"{PACKAGE}.Payload{message}")
    assert ", ".join(f"{one.number} {one.name}" for one in found.fields) == FIELDS[message]


def test_each_datatype_has_the_number_of_the_standard() -> None:
    assert {name: number for number, name in enumerate(DATATYPES)} == {"Unknown": 0, **TYPES}


def test_a_value_is_one_of_its_fields() -> None:
    given = Payload.FromString(field(2, field(10, 1) + field(14, 1)))
    assert given.metrics[0].WhichOneof("value") == "boolean_value"


def test_another_registration_of_the_same_names_does_no_harm() -> None:
    file = FileDescriptorProto(name="sparkplug_b.proto", package=PACKAGE)
    file.message_type.add(name="Payload")
    other = Default().AddSerializedFile(file.SerializeToString())
    assert other.message_types_by_name["Payload"].fields == []
    assert Payload.FromString(b"\x18\x05").seq == 5
